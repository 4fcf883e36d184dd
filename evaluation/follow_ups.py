"""Follow-up questions: what retrieval finds with their history, and what a history of something else costs.

A pair are two questions on one paragraph. The follow-up is the second with its subject replaced by a pronoun:
the longest run of words that both questions share. The replacement is made by this rule, not by people: real
follow-ups also leave words out, or point at the answer, which this does not measure.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.generator import Message
from app.rewrite import EMPTY, HAN_EMPTY, LETTERS, standalone
from evaluation.datasets import DataSet, sample
from evaluation.metrics import recall
from evaluation.report import Section, Table

PRONOUN = {"en": "it", "fa": "آن", "zh": "它"}
HAN_SHARED = 3  # characters that a shared run has at least
TOKEN = re.compile(rf"[\u3400-\u9fff]|{LETTERS}|\S")
Search = Callable[[Sequence[str]], Sequence[Sequence[str]]]  # queries -> for each, passage ids, best first


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    first: str  # the question asked before
    answer: str  # and what it was answered with
    whole: str  # the second question as it stands in the data
    spoken: str  # the second question as a follow-up
    gold: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FollowUpRow:
    """Recall@``k`` over ``count`` questions, 0..1."""

    language: str
    k: int
    count: int
    plain: float  # the follow-up as it is spoken
    rewritten: float  # with its history
    whole: float  # the question before its subject was replaced: the most that can be had
    switched: float  # that question with the history of another paragraph


def pairs(data: DataSet, *, count: int | None, seed: int) -> list[FollowUp]:
    """Neighbouring questions on a paragraph that share a subject; ``count`` of them, shuffled."""
    about: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for question in data.answerable:
        about.setdefault(question.gold, []).append((question.text, question.answers[0]))
    found = [
        FollowUp(first=first, answer=answer, whole=second, spoken=spoken, gold=gold)
        for gold, asked in about.items()
        for (first, answer), (second, _) in pairwise(asked)
        if (spoken := with_pronoun(first, second, data.language)) is not None
    ]
    return sample(found, count, seed=seed, key=lambda one: one.whole)


def with_pronoun(first: str, second: str, language: str) -> str | None:
    """``second`` with the longest run it shares with ``first`` replaced; None where they share no subject."""
    known = [match.group().casefold() for match in TOKEN.finditer(first)]
    places = list(TOKEN.finditer(second))
    words = [match.group().casefold() for match in places]
    runs = {tuple(known[i:j]) for i in range(len(known)) for j in range(i + 1, len(known) + 1)}
    best: tuple[int, int] | None = None
    for start in range(len(words)):
        for end in range(len(words), start, -1):
            longer = best is None or end - start > best[1] - best[0]
            if longer and tuple(words[start:end]) in runs and _subject(words[start:end], language):
                best = start, end
                break
    if best is None or best[1] - best[0] == len(words):
        return None
    gap = "" if language == "zh" else " "
    before, after = second[: places[best[0]].start()].rstrip(), second[places[best[1] - 1].end() :].lstrip()
    return gap.join(part for part in (before, PRONOUN[language], after) if part)


def measure(data: DataSet, search: Search, *, count: int | None, seed: int, k: int = 5) -> FollowUpRow:
    asked = pairs(data, count=count, seed=seed)
    if len(asked) < 2:
        raise ValueError(f"the set {data.name} has no two questions that share a subject")
    others = [*asked[1:], asked[0]]  # shuffled: almost always another paragraph's
    history = [(one.first, one.answer) for one in asked]
    elsewhere = [(other.first, other.answer) for other in others]

    def found(queries: Sequence[str]) -> float:
        ranked = search(queries)
        scores = [recall(ids, one.gold, k) for ids, one in zip(ranked, asked, strict=True)]
        return sum(scores) / len(scores)

    return FollowUpRow(
        language=data.language,
        k=k,
        count=len(asked),
        plain=found([one.spoken for one in asked]),
        rewritten=found([_query(one.spoken, said) for one, said in zip(asked, history, strict=True)]),
        whole=found([one.whole for one in asked]),
        switched=found([_query(one.whole, said) for one, said in zip(asked, elsewhere, strict=True)]),
    )


def section(rows: Sequence[FollowUpRow]) -> Section:
    return Section(
        title="Follow-up questions",
        text=(
            "The second of two questions on one passage, with the subject that both share replaced by a "
            "pronoun. `rewritten` is what the service looks for when it knows the first question and its "
            "answer. `another subject` is the whole question after a history about something else: what a "
            "rewriting that cannot tell would lose. The rules learnt nothing from these sets, so all titles "
            "are used."
        ),
        tables=(
            Table(
                title=f"recall@{rows[0].k}",
                header=(
                    "language",
                    "questions",
                    "as spoken",
                    "rewritten",
                    "whole question",
                    "another subject",
                ),
                rows=tuple(
                    (
                        row.language,
                        str(row.count),
                        *(f"{one:.3f}" for one in (row.plain, row.rewritten, row.whole, row.switched)),
                    )
                    for row in rows
                ),
            ),
        ),
    )


def _query(question: str, said: tuple[str, str]) -> str:
    turns = [Message(role="user", content=said[0]), Message(role="assistant", content=said[1])]
    return standalone(question, turns)


def _subject(words: Sequence[str], language: str) -> bool:
    """Whether a run names something: not only words that ask, nothing but words."""
    if not all(word[0].isalnum() for word in words):
        return False
    if language == "zh":
        return len(HAN_EMPTY.sub("", "".join(words))) >= HAN_SHARED
    return not {words[0], words[-1]} & (EMPTY - {"the"}) and any(len(word) > 2 for word in words)
