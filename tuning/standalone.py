"""Whether a question can be understood by who does not see the passage that it was made from."""

import re

from app.rewrite import follows_up

ENDS = ("?", "؟", "？")
# What points at a page that only its author sees, in English, Persian and Chinese.
POINTING = re.compile(
    r"\b(?:this|that|these|those|given|provided|following|above|preceding|quoted)\s+(?:\w+\s+)?"
    r"(?:passages?|texts?|paragraphs?|articles?|documents?|excerpts?|extracts?|sections?|sources?|contexts?"
    r"|statements?|sentences?|descriptions?|stor(?:y|ies)|lists?|tables?|information)\b"
    r"|\bthe\s+(?:passage|text|paragraph|excerpt|extract|snippet|context|author|writer|narrator|quote)\b"
    r"|\b(?:mentioned|described|stated|listed|given|discussed|said|shown)\s+(?:above|here|below|in the)\b"
    r"|\b(?:the above|as above|see above)\b"
    r"|(?:این|آن|همین)\s+(?:متن|بند|پاراگراف|نوشته|نوشتار|مقاله|سند|قطعه|بخش|منبع|جمله|مطلب|فهرست|جدول)"
    r"|(?:متن|بند|مطلب|پاراگراف|موارد|جملات|جمله)(?:‌?ی)?\s+(?:بالا|فوق|زیر|حاضر|داده‌شده|داده شده|مذکور)"
    r"|(?:در|طبق|بنابر|بنا بر|براساس|بر اساس|مطابق|با توجه به|از)\s+متن(?!\s*[‌]?های)"
    r"|نویسنده(?:‌ی|ٔ)?\s+(?:متن|این)|نویسنده\s+(?:چه|چرا|چگونه|معتقد)"
    r"|(?:这|该|此|上述|上面|以上|下面|下列|前述)(?:一)?(?:段|篇|则|句|个|份)?(?:话|文|文章|文字|文本|段落|短文|材料|资料|内容|文档|句子|描述|故事|表格|列表)"
    r"|文中|本文|上文|下文|前文|原文|作者(?:认为|指出|提到|说|是谁|为什么|如何|的观点)"
    r"|根据(?:上|以上|上述|下|以下|该|本|此|这)",
    re.IGNORECASE,
)


def stands_alone(question: str) -> bool:
    """It asks something, names what it asks about and points at nothing that is not there."""
    asks = question.rstrip(" \"'”’»」』)）").endswith(ENDS)
    return asks and POINTING.search(question) is None and not follows_up(question)
