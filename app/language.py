"""The language of a question, by its script, and what the service itself says in it."""

from typing import Literal

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
    arabic = sum("\u0600" <= char <= "\u06ff" for char in text)
    han = sum("\u4e00" <= char <= "\u9fff" or "\u3400" <= char <= "\u4dbf" for char in text)
    latin = sum(char.isascii() and char.isalpha() for char in text)
    if han * 3 >= max(latin, arabic) and han:  # one Han character says as much as a short word
        return "zh"
    return "fa" if arabic > latin else "en"
