"""G-Eval (Liu et al. 2023, https://arxiv.org/abs/2303.16634): a model rates answers by log-probabilities.

A rating is the expectation of the five marks, not the one that is most likely, which is mostly the same for
good and bad. Whoever rates must first tell gold answers from answers to other questions, and is refused else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

import numpy as np
import numpy.typing as npt

from app.inert import without_tokens
from evaluation.judging.rows import Row
from evaluation.metrics import area, tokens

MARKS = ("1", "2", "3", "4", "5")
TRIED = 24  # pairs of a good and a bad answer
LEAST = 8  # of them, to tell anything
TELLS = 0.8  # area under the ROC curve that is asked of a judge
QUESTION, ANSWER = 6_000, 1_500  # characters: the last of a question, the first of an answer
ASKED = """Rate how well the answer answers the question, from 1 to 5.
1: it has nothing to do with the question. 3: it answers in part. 5: it answers correctly and to the point.

Question:
{question}

Answer:
{answer}

Reply with the number only."""

Log = npt.NDArray[np.float64]


class Rater(Protocol):
    def log_probabilities(self, prompt: str) -> Log:
        """[5]: of each of MARKS as what a model begins its reply to ``prompt`` with."""
        ...


class FakeRater:
    """Sure of the mark that ``mark`` gives to a prompt."""

    def __init__(self, mark: Callable[[str], int]) -> None:
        self._mark = mark

    def log_probabilities(self, prompt: str) -> Log:
        found = np.full(len(MARKS), -20.0)
        found[self._mark(prompt) - 1] = 0.0
        return found


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Whether a judge can tell good answers from bad ones."""

    pairs: int
    area: float | None  # probability that it rates a good one above a bad one; None where there are too few

    @property
    def passed(self) -> bool:
        return self.area is not None and self.area >= TELLS

    def __str__(self) -> str:
        if self.area is None:
            return f"there was no judge: {self.pairs} answers to try one on, and {LEAST} are needed"
        told = f"AUC {self.area:.2f} of {self.pairs} gold answers and as many answers to other questions"
        return f"the judge was {'accepted' if self.passed else f'refused, {TELLS:g} is asked'}: {told}"


def rating(rater: Rater, question: str, answer: str) -> float:
    """1..5."""
    shown = {
        "question": without_tokens(question[-QUESTION:]),
        "answer": without_tokens(answer[:ANSWER]),
    }
    found = rater.log_probabilities(ASKED.format(**shown))
    share = np.exp(found - found.max())
    return float(share @ np.arange(1, len(MARKS) + 1) / share.sum())


def trial(rater: Rater, rows: Sequence[Row], *, seed: int) -> Trial:
    """Gold answers to their questions, beside the same answers to others."""
    draw = Random(seed)  # noqa: S311
    pairs = list[tuple[Row, str]]()
    for row in draw.sample(list(rows), len(rows)):
        others = [one.gold for one in rows if tokens(one.gold) != tokens(row.gold)]
        if others and len(pairs) < TRIED:
            pairs.append((row, draw.choice(others)))
    if len(pairs) < LEAST:
        return Trial(pairs=len(pairs), area=None)
    good = [rating(rater, row.question, row.gold) for row, _ in pairs]
    bad = [rating(rater, row.question, other) for row, other in pairs]
    return Trial(pairs=len(pairs), area=area(good, bad))
