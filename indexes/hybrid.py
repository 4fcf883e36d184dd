"""Both legs of a collection's index, changed, searched and saved as one.

A multilingual embedder leaves its vectors in regions by language, and a question finds the passages of its
own language nearer than those of another that answer it. So a question is moved from where questions of its
language lie on average towards where the collection's passages lie: between a question and passages of one
language this changes next to nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from indexes.faiss_index import FaissIndex, build
from indexes.postings import PostingsIndex
from indexes.records import IndexChange, Vectors
from indexes.rows import Ids
from indexes.vectors import Scores

CANDIDATES = 50  # the least that each leg brings
HOME_SHARE = 0.7  # learnt with the fusion, see `scripts/fit_fusion.py`


@dataclass(frozen=True, kw_only=True)
class Query:
    """A question as the legs take it."""

    vector: Vectors  # [1, dim], of unit length
    home: Vectors | None  # [1, dim], the mean of questions in its language, where that is known
    terms: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """What either leg found among its best, in no particular order."""

    query: Vectors  # [1, dim] that was searched with
    ids: Ids  # [n], each once
    near: Scores  # [n] product with ``query``, as near as the index can tell; NaN where it cannot
    cosine: Scores  # [n] to the question itself; NaN where the index cannot say exactly
    lexical: Scores  # [n], 0..1
    coverage: Scores  # [n], 0..1


class HybridIndex:
    def __init__(self, dense: FaissIndex, lexical: PostingsIndex) -> None:
        self.dense = dense
        self.lexical = lexical

    def change(self, change: IndexChange) -> None:
        self.dense.change(added=change.added, vectors=change.vectors, removed=change.removed)
        self.lexical.change(added=change.added, terms=change.terms, removed=change.removed)

    def search(self, query: Query, k: int, *, allowed: Ids | None = None) -> Candidates:
        """At most 2 ``k``."""
        moved = query.vector
        if query.home is not None:
            moved = moved + HOME_SHARE * (self.dense.mean - query.home)
        nearest, products = self.dense.search(moved, k, allowed=allowed)
        lexical = self.lexical.search(query.terms, k, allowed=allowed, also=nearest)
        vectors = self.dense.vectors(lexical.ids)
        if vectors is None:
            known = dict(zip(nearest.tolist(), products.tolist(), strict=True))
            near = np.array([known.get(one, np.nan) for one in lexical.ids.tolist()], np.float32)
            cosine = np.full_like(near, np.nan)
        else:
            near, cosine = vectors @ moved[0], vectors @ query.vector[0]
        return Candidates(
            query=moved,
            ids=lexical.ids,
            near=near,
            cosine=cosine,
            lexical=lexical.scores,
            coverage=lexical.coverage,
        )

    def state(self) -> dict[str, npt.NDArray[Any]]:
        legs = {"dense": self.dense.state(), "lexical": self.lexical.state()}
        return {f"{leg}.{name}": part for leg, state in legs.items() for name, part in state.items()}

    @classmethod
    def from_state(cls, dim: int, state: dict[str, npt.NDArray[Any]]) -> "HybridIndex":
        """Raises ValueError or KeyError when the parts do not fit together."""

        def leg(name: str) -> dict[str, npt.NDArray[Any]]:
            return {key.removeprefix(name): part for key, part in state.items() if key.startswith(name)}

        made = cls(FaissIndex.from_state(dim, leg("dense.")), PostingsIndex.from_state(leg("lexical.")))
        if made.dense.total != made.lexical.total:
            raise ValueError("the snapshot's legs do not stand at one seq")
        return made


def build_hybrid(
    dim: int, changes: Iterable[IndexChange], progress: Callable[[int], None]
) -> tuple[HybridIndex, int, float]:
    """The index of all that ``changes`` tell of; its seq (-1 without any); the dense leg's recall@10.
    ``progress`` is told how many passages were read."""
    ids: list[Ids] = []
    vectors: list[Vectors] = []
    lexical, seq, done = PostingsIndex(), -1, 0
    for change in changes:
        ids.append(change.added)
        vectors.append(change.vectors)
        lexical.change(added=change.added, terms=change.terms, removed=change.removed)
        seq, done = change.seq, done + len(change.added)
        progress(done)
    all_ids = np.concatenate(ids) if ids else np.empty(0, np.int64)
    all_vectors = np.concatenate(vectors) if vectors else np.empty((0, dim), np.float32)
    dense, recall = build(dim, all_ids, all_vectors)
    return HybridIndex(dense, lexical), seq, recall
