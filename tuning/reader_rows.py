"""Rows to train the reader on: a question, a passage, and where the answer stands in it, if anywhere.

From the train titles of the question sets, and from texts of our own: answerable questions with their own
paragraph, and unanswerable ones with that which they were written against. And what holds no answer though
it looks so: paragraphs that share the question's character n-grams, the rest of the own paragraph, questions
with something exchanged.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.reader.span_reader import FIRST, FOLD, SEPARATOR
from evaluation.datasets import Part, load
from tuning.altered import altered
from tuning.own_texts import own_texts

QUESTION_TOKENS = 48
LEAST_TOKENS = 40  # of a passage's rest
LOOKALIKES = 4  # nearest paragraphs that one is drawn from
NOWHERE = -1

Encode = Callable[[str], tuple[list[int], list[tuple[int, int]]]]


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Rows of each kind for a question, on average."""

    answerable: float = 1.0
    unanswerable: float = 1.0
    # and for an answerable one:
    lookalike: float = 0.4
    rest: float = 0.0  # its paragraph before or after the answer
    altered: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Row:
    question: list[int]  # token ids
    passage: list[int]
    first: int  # token of the passage at which the answer begins; NOWHERE if it does not stand there
    last: int


@dataclass(frozen=True, kw_only=True)
class Example:
    """What the model sees: ids, and the places of the answer in them; both 0 where there is none."""

    ids: list[int]
    start: int
    end: int
    passage: int  # where the passage begins in ids


def rows(
    folder: Path,
    sets: Mapping[str, Mix],
    own: Mapping[str, Mix],
    encode: Encode,
    draw: random.Random,
    *,
    told_once: bool = False,
) -> Iterator[Row]:
    """``sets``, ``own``: language -> what its question set under ``folder`` gives, and its own texts, of
    which ``told_once`` takes the first version of a paragraph alone."""
    for language, mix in sets.items():
        yield from _rows_of(of_part(folder, language, "train"), language, mix, encode, draw)
    for language, mix in own.items():
        texts = own_texts(language, told_once=told_once)
        yield from _rows_of(texts, language, mix, encode, draw)


def of_part(folder: Path, language: str, part: Part) -> Any:
    """The question set as it stands in its file, with the questions of that part's titles alone."""
    raw = json.loads((folder / "qa" / f"{language}.json").read_text())
    wanted = {one.id for one in load(folder, language).questions if one.part == part}
    return {**raw, "questions": [one for one in raw["questions"] if str(one["id"]) in wanted]}


def window(row: Row, longest: int, draw: random.Random) -> Example:
    """A stretch of half to all of ``longest`` tokens of the passage, with the answer somewhere in it."""
    size = draw.randint(longest // 2, longest)  # also where it is not: length must not tell
    passage, first, last = row.passage, row.first, row.last
    if len(passage) > size:
        lowest, highest = (0, len(passage) - size)
        if first != NOWHERE:
            lowest, highest = max(0, last - size + 1), min(first, len(passage) - size)
        at = draw.randint(min(lowest, highest), max(lowest, highest))
        passage = passage[at : at + size]
        if first != NOWHERE:
            first, last = max(0, first - at), min(last - at, size - 1)
    ids = [FIRST, *row.question, SEPARATOR, SEPARATOR, *passage, SEPARATOR]
    begin = len(row.question) + 3
    if first == NOWHERE:
        return Example(ids=ids, start=0, end=0, passage=begin)
    return Example(ids=ids, start=begin + first, end=begin + last, passage=begin)


def _rows_of(raw: Any, language: str, mix: Mix, encode: Encode, draw: random.Random) -> Iterator[Row]:
    texts = {one["id"]: one["text"] for one in raw["paragraphs"]}
    encoded = {place: encode(text) for place, text in texts.items()}
    questions = raw["questions"]
    held = sorted({one["paragraph"] for one in questions})
    alike = _lookalikes(
        [one["question"] for one in questions], {place: texts[place] for place in held}, language
    )

    def asked(question: str) -> list[int]:
        return encode(question)[0][:QUESTION_TOKENS]

    for one, near in zip(questions, alike, strict=True):
        question, own, answers = asked(one["question"]), one["paragraph"], one["answers"]
        tokens, offsets = encoded[own]
        if not answers:
            yield from _times(mix.unanswerable, _nowhere(question, tokens), draw)
            continue
        found = _answer_tokens(texts[own], answers, offsets)
        if found is None:
            continue
        yield from _times(
            mix.answerable, Row(question=question, passage=tokens, first=found[0], last=found[1]), draw
        )
        others = [
            place for place in near if place != own and not any(each in texts[place] for each in answers)
        ]
        if others:
            other = others[0] if draw.random() < 0.5 else draw.choice(others[:LOOKALIKES])
            yield from _times(mix.lookalike, _nowhere(question, encoded[other][0]), draw)
        if mix.rest and (rest := _rest(texts[own], answers, encode, draw)):
            yield from _times(mix.rest, _nowhere(question, rest), draw)
        if mix.altered and (changed := altered(one["question"], texts[own], answers, draw)):
            yield from _times(mix.altered, _nowhere(asked(changed), tokens), draw)


def _times(count: float, row: Row, draw: random.Random) -> Iterator[Row]:
    for _ in range(int(count) + (draw.random() < count % 1)):
        yield row


def _nowhere(question: list[int], passage: list[int]) -> Row:
    return Row(question=question, passage=passage, first=NOWHERE, last=NOWHERE)


def _rest(text: str, answers: Sequence[str], encode: Encode, draw: random.Random) -> list[int] | None:
    """The tokens before the first place, or after the last, at which any of the answers stands."""
    places = [text.find(answer) for answer in answers if answer in text]
    ends = [text.rfind(answer) + len(answer) for answer in answers if answer in text]
    sides = [encode(text[: min(places)])[0], encode(text[max(ends) :])[0]]
    usable = [side for side in sides if len(side) >= LEAST_TOKENS]
    return draw.choice(usable) if usable else None


def _answer_tokens(
    text: str, answers: Sequence[str], offsets: Sequence[tuple[int, int]]
) -> tuple[int, int] | None:
    """First and last token of the answer that most annotators gave; None where none stands in the text."""
    places = [(text.find(answer), text.find(answer) + len(answer)) for answer in answers if answer in text]
    if not places:
        return None
    start, end = max(places, key=lambda place: (places.count(place), -places.index(place)))
    inside = [
        number for number, (low, high) in enumerate(offsets) if low < high and high > start and low < end
    ]
    return (inside[0], inside[-1]) if inside else None


def _lookalikes(questions: Sequence[str], texts: dict[int, str], language: str) -> list[list[int]]:
    """For each question the paragraphs that share most of its character n-grams, nearest first."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    chinese = language == "zh"
    vectorizer = TfidfVectorizer(
        analyzer="char" if chinese else "char_wb",
        ngram_range=(2, 3) if chinese else (3, 5),
        sublinear_tf=True,
        max_features=200_000,
    )
    places = list(texts)
    passages = vectorizer.fit_transform([texts[place].translate(FOLD) for place in places])
    found = vectorizer.transform([question.translate(FOLD) for question in questions]) @ passages.T
    return [[places[column] for column in np.argsort(-row.toarray()[0])[:8]] for row in found]
