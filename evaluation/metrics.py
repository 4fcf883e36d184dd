"""Scores of answers and of rankings, and how sure they are."""

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MARKER = re.compile(r"\s*\[\d{1,3}\]")  # a citation's place in an answer
ARTICLES = frozenset(["a", "an", "the"])
UNIFIED = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "\u200c": " ", "\u0640": None})
HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
TOKEN = re.compile(rf"[{HAN}]|[^\s{HAN}]+")
CHRF_ORDER, CHRF_BETA = 6, 2.0
RESAMPLES = 1000


def tokens(text: str) -> list[str]:
    """What SQuAD compares: the words of a text without English articles."""
    return [word for word in words(text) if word not in ARTICLES]


def words(text: str) -> list[str]:
    """After NFKC, with yeh, kaf and ZWNJ unified, without case and punctuation; every Chinese character is a
    word of its own. Citation markers are no part of a text."""
    folded = unicodedata.normalize("NFKC", MARKER.sub("", text)).translate(UNIFIED).casefold()
    bare = "".join(
        char
        for char in folded
        if not (unicodedata.category(char).startswith("P") or char in string.punctuation)
    )
    return TOKEN.findall(bare)


def exact(answer: str, golds: Sequence[str]) -> float:
    """1 if the answer is one of ``golds``, else 0."""
    said = tokens(answer)
    return float(any(said == tokens(gold) for gold in golds))


def f1(answer: str, golds: Sequence[str]) -> float:
    """The best overlap of words with one of ``golds``, 0..1."""
    said = tokens(answer)
    return max((_overlap(said, tokens(gold)) for gold in golds), default=0.0)


def contains(text: str, golds: Sequence[str]) -> bool:
    """Whether the words of one of ``golds`` stand in the text, side by side."""
    said = tokens(text)
    for gold in golds:
        words = tokens(gold)
        if words and any(said[at : at + len(words)] == words for at in range(len(said) - len(words) + 1)):
            return True
    return False


def chrf(answer: str, golds: Sequence[str]) -> float:
    """Character n-gram F score (Popović 2015), n = 1..6, recall counting double; best of ``golds``, 0..1."""
    said = "".join(tokens(answer))
    return max((_chrf(said, "".join(tokens(gold))) for gold in golds), default=0.0)


def _overlap(said: Sequence[str], gold: Sequence[str]) -> float:
    if not said or not gold:
        return float(list(said) == list(gold))
    common = (Counter(said) & Counter(gold)).total()
    return 2 * common / (len(said) + len(gold))


def _chrf(said: str, gold: str) -> float:
    if not said or not gold:
        return float(said == gold)
    scores = []
    for order in range(1, min(CHRF_ORDER, len(gold)) + 1):
        ours, theirs = _grams(said, order), _grams(gold, order)
        common = (ours & theirs).total()
        if not ours.total() or not common:
            scores.append(0.0)
            continue
        precision, recall = common / ours.total(), common / theirs.total()
        scores.append((1 + CHRF_BETA**2) * precision * recall / (CHRF_BETA**2 * precision + recall))
    return sum(scores) / len(scores)


def _grams(text: str, order: int) -> Counter[str]:
    return Counter(text[at : at + order] for at in range(len(text) - order + 1))


# Rankings: ``ranked`` best first and without doubles, ``gold`` what should be found; binary relevance.


def recall(ranked: Sequence[str], gold: Sequence[str], k: int) -> float:
    """The share of ``gold`` among the first ``k``."""
    return len(set(ranked[:k]) & set(gold)) / len(gold)


def reciprocal_rank(ranked: Sequence[str], gold: Sequence[str]) -> float:
    """1 / rank of the first that is gold; 0 where none is."""
    return next((1 / rank for rank, one in enumerate(ranked, 1) if one in gold), 0.0)


def ndcg(ranked: Sequence[str], gold: Sequence[str], k: int) -> float:
    gained = sum(1 / math.log2(rank + 1) for rank, one in enumerate(ranked[:k], 1) if one in gold)
    return gained / sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(gold)) + 1))


# How sure.


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        if not self.count:
            return "–"
        return f"{self.mean:.3f} ({self.low:.3f}–{self.high:.3f})"


def estimate(values: Sequence[float], *, seed: int) -> Estimate:
    """Of the mean of ``values``, resampled with ``seed``. An empty one counts 0."""
    if not len(values):
        return Estimate(mean=0.0, low=0.0, high=0.0, count=0)
    array = np.asarray(values, np.float64)
    means = _resampled(array, seed)
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(mean=float(array.mean()), low=float(low), high=float(high), count=len(array))


def difference(ours: Sequence[float], rival: Sequence[float], *, seed: int) -> Estimate:
    """Of the mean of ``ours - rival`` on the same questions."""
    return estimate([one - other for one, other in zip(ours, rival, strict=True)], seed=seed)


def signed(apart: Estimate) -> str:
    """A difference with its interval."""
    if not apart.count:
        return "–"
    return f"{apart.mean:+.3f} ({apart.low:+.3f} to {apart.high:+.3f})"


def _resampled(values: npt.NDArray[np.float64], seed: int) -> npt.NDArray[np.float64]:
    chance = np.random.default_rng(seed)
    picks = chance.integers(0, len(values), size=(RESAMPLES, len(values)))
    return np.asarray(values[picks].mean(axis=1))


def area(higher: Sequence[float], lower: Sequence[float]) -> float:
    """Probability that one of ``higher`` is above one of ``lower`` (area under the ROC curve)."""
    yes, no = np.asarray(higher), np.sort(np.asarray(lower))
    below = np.searchsorted(no, yes, side="left") + np.searchsorted(no, yes, side="right")
    return float(below.sum() / (2 * len(yes) * len(no)))
