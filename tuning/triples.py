"""A question, its answer and the words that say so, written by the engine from one passage."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.inert import as_data, as_title
from app.language import Language, detect
from app.markers import without_markers
from evaluation.metrics import contains, tokens
from indexes.text import fold
from tuning.cleaning import APOLOGY
from tuning.standalone import stands_alone

SHORTEST_QUOTE = 8  # characters; fewer stand in any passage
LONGEST = {"quote": 300, "question": 200, "answer": 160}  # characters
MAX_TOKENS = 500  # of all three
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in LONGEST},
    "required": list(LONGEST),
    "additionalProperties": False,
}
TASK: dict[Language, str] = {
    "en": (
        "Read the passage and write three things as JSON. `quote`: one sentence of the passage, copied word "
        "for word. `question`: a question in English that this sentence answers and that can be understood "
        "without the passage, so name who or what it is about. `answer`: the shortest answer, in words of "
        "the quote."
    ),
    "fa": (
        "متن را بخوان و سه چیز را به صورت JSON بنویس. `quote`: یک جمله از متن، کلمه به کلمه. `question`: "
        "پرسشی به فارسی که این جمله پاسخ آن است و بدون متن هم فهمیده می‌شود؛ پس نام ببر که دربارهٔ "
        "کیست یا چیست. `answer`: کوتاه‌ترین پاسخ، با واژه‌های همان جمله."
    ),
    "zh": (
        "阅读材料，用 JSON 写出三项。`quote`：材料中的一句话，逐字照抄。`question`：一个中文问题，"
        "由这句话回答，并且不看材料也能看懂，所以要写明人或事物的名称。"
        "`answer`：最短的答案，用该句中的词。"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Triple:
    question: str
    answer: str
    quote: str  # of the passage


def task(title: str, passage: str) -> str:
    """What the engine is asked, in the passage's language; the passage is data."""
    return f"{TASK[detect(passage)]}\n\n---\n{as_title(title)}\n{as_data(passage)}\n---"


def parsed(written: str) -> Triple | None:
    """None where it is no whole JSON of SCHEMA, as when the limit cut it."""
    try:
        found = json.loads(written)
    except ValueError:
        return None
    if not isinstance(found, Mapping):
        return None
    values = [found.get(name) for name in ("question", "answer", "quote")]
    if not all(isinstance(value, str) and value.strip() for value in values):
        return None
    question, answer, quote = (" ".join(str(value).split()) for value in values)
    return Triple(question=question, answer=without_markers(answer), quote=quote)


def holds(text: str, quote: str) -> bool:
    """Whether the quote stands in the text, letter for letter, but for how letters can be written."""
    return _plain(quote) in _plain(text)


def fault(triple: Triple, passage: str) -> str | None:
    """The reason why it is not worth learning, if its words alone show one."""
    if any(len(getattr(triple, name)) > most for name, most in LONGEST.items()):
        return "too_long"
    if len(_plain(triple.quote)) < SHORTEST_QUOTE:
        return "quote_too_short"
    if not holds(passage, triple.quote):
        return "quote_not_in_source"
    if not tokens(triple.answer) or APOLOGY.search(triple.answer):
        return "no_answer"
    if detect(triple.question) != detect(passage):
        return "other_language"
    if contains(triple.question, [triple.answer]):
        return "question_tells_its_answer"
    if not stands_alone(triple.question):
        return "question_does_not_stand_alone"
    return None


def _plain(text: str) -> str:
    return " ".join(fold(text).replace("\u200c", " ").split())
