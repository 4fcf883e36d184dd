"""Whether an answer declines to answer, in so many words: models that were taught to do so write it out."""

import re

from evaluation.metrics import MARKER

DECLINES = re.compile(
    r"\W*(?:(?:(?:i am|i'm|i’m) )?sorry\W+(?:but )?)?"
    r"(?:i (?:do not|don['’]?t) (?:know|have (?:any |enough )?information)"
    r"|i (?:cannot|can['’]?t|can not|am unable to|am not able to) (?:answer|tell|find|say)"
    r"|(?:the|these) (?:sources|documents)(?: provided)? (?:do not|don['’]?t) "
    r"(?:hold|contain|say|mention|answer)"
    r"|نم[یي][\u200c ]?(?:دانم|توانم پاسخ)"
    r"|我不知道|我无法回答|无法回答)",
    re.IGNORECASE,
)


def refuses(answer: str) -> bool:
    """By how it begins; what comes later may speak of something else."""
    return DECLINES.match(MARKER.sub("", answer)) is not None
