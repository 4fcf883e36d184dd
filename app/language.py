"""The language of a question, by its script, and what the service itself says in it."""

from typing import Literal

from indexes.language import script

Language = Literal["fa", "zh", "en"]
Reason = Literal["no_documents", "weak_evidence", "unsupported_answer"]

ABSTAINED: dict[Reason, dict[Language, str]] = {
    "no_documents": {
        "en": "I cannot answer: this collection holds no documents yet.",
        "fa": "نمی‌توانم پاسخ دهم: این مجموعه هنوز سندی ندارد.",
        "zh": "我无法回答：该文档集中还没有任何文档。",
    },
    "weak_evidence": {
        "en": "I do not know: the documents do not seem to hold the answer to this question.",
        "fa": "نمی‌دانم: به نظر نمی‌رسد پاسخ این پرسش در سندها باشد.",
        "zh": "我不知道：文档中似乎没有这个问题的答案。",
    },
    "unsupported_answer": {
        "en": "I do not know: no answer to this question could be supported by the documents.",
        "fa": "نمی‌دانم: پاسخی که سندها از آن پشتیبانی کنند پیدا نشد.",
        "zh": "我不知道：找不到有文档依据的答案。",
    },
}


def detect(text: str) -> Language:
    """Persian for Arabic script, Chinese for Han characters, else English (and all other languages)."""
    match script(text):
        case "arabic":
            return "fa"
        case "han":
            return "zh"
    return "en"
