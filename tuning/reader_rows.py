"""Rows to train the reader on: a question, a passage, and where the answer stands in it, if anywhere.

From the train titles of the question sets: each answerable question with its own paragraph; for two in five
of them also a paragraph that looks alike (character n-grams) but does not hold the answer; each unanswerable
question with the paragraph that it was written against.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.reader.span_reader import FIRST, FOLD, SEPARATOR
from evaluation.datasets import LANGUAGES, load

QUESTION_TOKENS = 48
LOOKALIKE_SHARE = 0.4  # of the answerable questions
LOOKALIKES = 4  # nearest paragraphs that one is drawn from
NOWHERE = -1

Encode = Callable[[str], tuple[list[int], list[tuple[int, int]]]]


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


def rows(folder: Path, encode: Encode, draw: random.Random) -> Iterator[Row]:
    for language in LANGUAGES:
        raw = json.loads((folder / "qa" / f"{language}.json").read_text())
        yield from _rows_of(raw, _train_questions(folder, language), language, encode, draw)


def window(row: Row, longest: int, draw: random.Random) -> Example:
    """A stretch of half to all of ``longest`` tokens of the passage, with the answer somewhere in it."""
    size = longest if row.first == NOWHERE else draw.randint(longest // 2, longest)
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


def _train_questions(folder: Path, language: str) -> set[str]:
    return {question.id for question in load(folder, language).questions if question.part == "train"}


def _rows_of(raw: Any, train: set[str], language: str, encode: Encode, draw: random.Random) -> Iterator[Row]:
    texts = {one["id"]: one["text"] for one in raw["paragraphs"]}
    encoded = {place: encode(text) for place, text in texts.items()}
    questions = [one for one in raw["questions"] if str(one["id"]) in train]
    held = sorted({one["paragraph"] for one in questions})
    alike = _lookalikes(
        [one["question"] for one in questions], {place: texts[place] for place in held}, language
    )
    for one, near in zip(questions, alike, strict=True):
        question = encode(one["question"])[0][:QUESTION_TOKENS]
        own, answers = one["paragraph"], one["answers"]
        if not answers:
            yield Row(question=question, passage=encoded[own][0], first=NOWHERE, last=NOWHERE)
            continue
        tokens = _answer_tokens(texts[own], answers, encoded[own][1])
        if tokens is None:
            continue
        yield Row(question=question, passage=encoded[own][0], first=tokens[0], last=tokens[1])
        others = [
            place for place in near if place != own and not any(each in texts[place] for each in answers)
        ]
        if others and draw.random() < LOOKALIKE_SHARE:
            other = others[0] if draw.random() < 0.5 else draw.choice(others[:LOOKALIKES])
            yield Row(question=question, passage=encoded[other][0], first=NOWHERE, last=NOWHERE)


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
