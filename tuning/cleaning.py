"""What is not worth learning is left out, each with its reason."""

import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from app.inert import seen, without_tokens
from indexes.text import fold
from tuning.near import Near, tail
from tuning.records import Dropped, Example

OVERLAP = 0.85  # Jaccard's, from which two examples are nearly the same
LETTER = re.compile(r"\w")
BROKEN = re.compile("\ufffd|Ã[\x80-\xbf]|â€")  # of a text that was decoded wrongly
TAGS = re.compile(r"< ?/?(?:div|span|p|br|td|tr|table|script|style|a|li|ul)\b[^>]*>", re.IGNORECASE)
APOLOGY = re.compile(
    r"\bas an? (?:ai|large) (?:language )?model\b|作为(?:一个|一名)?(?:AI|人工智能)", re.IGNORECASE
)
LONG = 200  # characters from which a text is looked at for repetition
REPETITIVE = 0.12  # of its size, when compressed
SOURCE = re.compile(r"(</?source>)")  # as app.prompt writes them
NUMBERS = re.compile(r"\d+(?:[.,]\d+)*")


def normalised(example: Example) -> Example:
    """As the service writes a conversation into a prompt: nothing unseen, no chat template's token."""
    return replace(
        example,
        prompt=tuple(replace(turn, content=_normal_prompt(turn.content)) for turn in example.prompt),
        answer=_normal(example.answer),
        rejected=None if example.rejected is None else _normal(example.rejected),
    )


def _normal(text: str) -> str:
    return without_tokens(seen(unicodedata.normalize("NFC", text))).strip()


def _normal_prompt(text: str) -> str:
    """The marks that the service itself puts around a source stay: a row may be a prompt as it is served."""
    parts = SOURCE.split(seen(unicodedata.normalize("NFC", text)))
    return "".join(one if SOURCE.fullmatch(one) else without_tokens(one) for one in parts).strip()


# Reason, and whether it holds of an example.
NOISE: tuple[tuple[str, Callable[[Example], bool]], ...] = (
    ("empty_once_normalised", lambda one: not one.answer or not one.question or one.rejected == ""),
    ("no_letters", lambda one: not LETTER.search(one.answer) or not LETTER.search(one.question)),
    ("wrongly_decoded", lambda one: bool(BROKEN.search(one.question + one.answer))),
    ("answer_repeats_question", lambda one: fold(one.answer) == fold(one.question)),
    ("repetitive", lambda one: _repetitive(one.answer)),
    ("markup_left", lambda one: len(TAGS.findall(one.answer)) > 2 and "```" not in one.answer),
    ("speaks_as_a_model", lambda one: bool(APOLOGY.search(one.answer))),
)


def clean(examples: Sequence[Example]) -> tuple[tuple[Example, ...], tuple[Dropped, ...]]:
    """What is kept, normalised and in its order; and what is not. Of examples that are the same, or nearly,
    the first is kept. Where numbers differ they are different, however near."""
    kept, dropped = [], []
    first: dict[tuple[str, ...], int] = {}
    near, compared = Near(OVERLAP), list[Example]()
    for example in map(normalised, examples):
        reason = next((name for name, holds in NOISE if holds(example)), None)
        if reason is not None:
            dropped.append(Dropped(line=example.line, reason=reason))
            continue
        key = tuple(fold(text) for text in texts(example))
        if key in first:
            dropped.append(Dropped(line=example.line, reason="duplicate", repeats=first[key]))
            continue
        first[key] = example.line
        found = [compared[number] for number in near.add("\n".join(map(tail, texts(example))))]
        compared.append(example)
        same = next((one for one in found if numbers(one) == numbers(example)), None)
        if same is not None:
            dropped.append(Dropped(line=example.line, reason="near_duplicate", repeats=same.line))
        else:
            kept.append(example)
    return tuple(kept), tuple(dropped)


def texts(example: Example) -> tuple[str, ...]:
    """What was said in it, but for the system's turn."""
    spoken = tuple(turn.content for turn in example.prompt if turn.role != "system")
    return (*spoken, example.answer, *([] if example.rejected is None else [example.rejected]))


def numbers(example: Example) -> list[str]:
    return NUMBERS.findall(fold("\n".join(texts(example))))


def _repetitive(text: str) -> bool:
    if any(sum(1 for _ in run) > 30 for letter, run in groupby(text) if letter.isalnum()):
        return True
    raw = text.encode()
    return len(text) >= LONG and len(zlib.compress(raw)) < REPETITIVE * len(raw)


def reasons(dropped: Sequence[Dropped]) -> Iterator[tuple[str, list[int]]]:
    """Each reason with its lines, the most frequent first."""
    lines: dict[str, list[int]] = {}
    for one in dropped:
        lines.setdefault(one.reason, []).append(one.line)
    yield from sorted(lines.items(), key=lambda item: -len(item[1]))
