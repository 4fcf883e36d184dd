"""Answers that are one of a few labels: accuracy, macro-F1, confusion."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.judging.paired import Paired, Statistic, paired, paired_means
from evaluation.judging.rows import Row
from evaluation.metrics import words

MOST = 20  # labels of a task
REPEATED = 3  # times, at least, that each of them is an answer
WORDS = 5  # of a label, at most


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How often a row of the first label was answered by each; the last column counts answers of no label."""

    labels: tuple[str, ...]
    base: tuple[tuple[int, ...], ...]  # [labels][labels + 1]
    tuned: tuple[tuple[int, ...], ...]


def labels_of(answers: Sequence[str]) -> tuple[str, ...]:
    """Those that ``answers`` are made of, as they are written most often; none where it is no label task."""
    written: dict[tuple[str, ...], Counter[str]] = {}
    for one in answers:
        key = tuple(words(one))
        if not 1 <= len(key) <= WORDS:
            return ()
        written.setdefault(key, Counter())[one.strip()] += 1
        if len(written) > MOST:
            return ()
    if len(written) < 2 or any(count.total() < REPEATED for count in written.values()):
        return ()
    return tuple(sorted(count.most_common(1)[0][0] for count in written.values()))


def label(answer: str, labels: Sequence[str]) -> int | None:
    """The number of the one label that ``answer`` is or names; None where it names none, or several.

    A base that says "The mood is positive." has said so: it is not scored for its form. A label within
    another that is named, like "positive" in "very positive", does not count; nor does one of a single
    letter, like "A" or 好, that stands within a longer answer."""
    said = words(answer)
    keys = [words(one) for one in labels]
    named = [
        number
        for number, key in enumerate(keys)
        if key == said or (len("".join(key)) > 1 and _within(key, said))
    ]
    widest = [
        number
        for number in named
        if not any(other != number and _within(keys[number], keys[other]) for other in named)
    ]
    return widest[0] if len(widest) == 1 else None


def confusion(rows: Sequence[Row], labels: Sequence[str]) -> Confusion:
    """Every gold answer of ``rows`` must be one of ``labels``."""
    everything = np.arange(len(rows))
    base, tuned = (_matrix(cells[everything]) for cells in _cells(rows, labels))
    return Confusion(labels=tuple(labels), base=_counts(base), tuned=_counts(tuned))


def scores(rows: Sequence[Row], labels: Sequence[str], *, seed: int) -> tuple[Paired, Paired]:
    """Accuracy, and macro-F1: the mean of the labels' F1, in which a rare one counts as much as any."""
    base, tuned = _cells(rows, labels)
    right = [np.trace(one, axis1=1, axis2=2).tolist() for one in (base, tuned)]
    return (
        paired_means("label_accuracy", "accuracy", *right, seed=seed),
        paired("label_macro_f1", "macro-F1", _macro(base), _macro(tuned), count=len(rows), seed=seed),
    )


def macro_f1(matrix: npt.NDArray[np.int64]) -> float:
    """``matrix``: [labels, labels + 1] as in Confusion. Labels that neither were to be said nor were said
    count nothing."""
    said, wanted = matrix[:, :-1].sum(axis=0), matrix.sum(axis=1)
    seen = said + wanted > 0
    return float((2 * np.diag(matrix)[seen] / (said + wanted)[seen]).mean())


def _macro(cells: npt.NDArray[np.int64]) -> Statistic:
    return lambda picks: macro_f1(_matrix(cells[picks]))


def _cells(rows: Sequence[Row], labels: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of base and tuned: [rows, labels, labels + 1], a single 1 in each row."""
    base, tuned = (np.zeros((len(rows), len(labels), len(labels) + 1), np.int64) for _ in range(2))
    for number, row in enumerate(rows):
        gold = label(row.gold, labels)
        if gold is None:
            raise ValueError(f"{row.gold!r} is none of the labels {', '.join(labels)}")
        for cells, answer in ((base, row.base), (tuned, row.tuned)):
            named = label(answer, labels)
            cells[number, gold, len(labels) if named is None else named] = 1
    return base, tuned


def _matrix(cells: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.asarray(cells.sum(axis=0))


def _counts(matrix: npt.NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(map(int, row)) for row in matrix)


def _within(key: Sequence[str], said: Sequence[str]) -> bool:
    """Whether it stands there, its words side by side."""
    return any(said[at : at + len(key)] == key for at in range(len(said) - len(key) + 1))
