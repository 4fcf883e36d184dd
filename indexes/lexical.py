"""The lexical index port, what its scores mean, and an exact stand-in for unit tests.

A score is BM25 (Robertson and Zaragoza, 2009) divided by the most that the question could score, so it lies
in 0..1 and can be weighed against a cosine. Terms that the index does not know count in that most: a question
in another language than the passages scores near 0 everywhere.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from indexes.rows import Ids
from indexes.text import PAIR

K1, B = 1.2, 0.75  # chosen by measure among .9-2 and .4-.9
PAIR_WEIGHT = 1.0  # of a pair of characters, where a word has 1


@dataclass(frozen=True, kw_only=True)
class Lexical:
    """What was found, best first, then what was asked for by id."""

    ids: Ids  # [n], each once
    scores: npt.NDArray[np.float32]  # [n], 0..1
    coverage: npt.NDArray[np.float32]  # [n], the share of the question's terms that stand in it, by weight


class LexicalIndex(Protocol):
    """Terms under ids that are never reused. Statistics may count what was removed for a while."""

    def change(self, *, added: Ids, terms: Sequence[Sequence[str]], removed: Ids) -> None:
        """Take up ``terms`` [n] under ``added`` [n], forget ``removed``; unknown ids are ignored."""
        ...

    def search(self, query: Sequence[str], k: int, *, allowed: Ids | None, also: Ids) -> Lexical:
        """At most ``k`` that share a term with the query, only from ``allowed``; and those of ``also`` that
        are there, whatever they share."""
        ...


def idf(count: int, total: int) -> float:
    """Of a term that stands in ``count`` of ``total`` passages; always above 0."""
    return math.log(1 + (total - count + 0.5) / (count + 0.5))


def weight(term: str) -> float:
    return PAIR_WEIGHT if term.startswith(PAIR) else 1.0


class FakeLexicalIndex:
    """A dictionary searched from end to end."""

    def __init__(self) -> None:
        self._terms: dict[int, Counter[str]] = {}

    def change(self, *, added: Ids, terms: Sequence[Sequence[str]], removed: Ids) -> None:
        for one in removed.tolist():
            self._terms.pop(one, None)
        self._terms.update(zip(added.tolist(), map(Counter, terms), strict=True))

    def search(self, query: Sequence[str], k: int, *, allowed: Ids | None, also: Ids) -> Lexical:
        total = len(self._terms)
        counts = {term: sum(term in there for there in self._terms.values()) for term in query}
        weights = {term: weight(term) * idf(count, total) for term, count in counts.items()}
        most = sum(weights.values()) or 1.0
        average = sum(there.total() for there in self._terms.values()) / total if total else 1.0
        scores: dict[int, float] = {}
        for one, there in self._terms.items():
            norm = K1 * (1 - B + B * there.total() / max(average, 1.0))
            parts = (weights[term] * there[term] / (there[term] + norm) for term in weights.keys() & there)
            scores[one] = sum(parts) / most
        passing = [one for one, score in scores.items() if score > 0]
        if allowed is not None:
            passing = sorted(set(passing) & set(allowed.tolist()))
        best = sorted(passing, key=lambda one: (-scores[one], one))[:k]
        best += [one for one in dict.fromkeys(also.tolist()) if one in scores and one not in best]
        shares = [sum(weights[term] for term in weights.keys() & self._terms[one]) / most for one in best]
        return Lexical(
            ids=np.array(best, np.int64),
            scores=np.array([scores[one] for one in best], np.float32),
            coverage=np.array(shares, np.float32),
        )
