"""Both legs of a collection's index, changed, searched and saved as one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from indexes.faiss_index import FaissIndex, build
from indexes.language import Script
from indexes.postings import PostingsIndex
from indexes.records import IndexChange, Vectors
from indexes.regions import Regions
from indexes.rows import Ids, Mask
from indexes.vectors import Scores

State = dict[str, npt.NDArray[Any]]  # what a snapshot holds
CANDIDATES = 50  # the least that each leg brings


@dataclass(frozen=True, kw_only=True)
class Query:
    """A question as the legs take it."""

    vector: Vectors  # [1, dim], of unit length
    script: Script
    home: Vectors | None  # [1, dim], the mean of questions in its script, where that is known
    terms: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """What either leg found among its best, in no particular order."""

    ids: Ids  # [n], each once
    queries: Vectors  # [n, dim] the question's vector as it is for the script of each
    near: Scores  # [n] product with that, as near as the index can tell; NaN where it cannot
    cosine: Scores  # [n] to the question itself; NaN where the index cannot say exactly
    lexical: Scores  # [n], 0..1
    coverage: Scores  # [n], 0..1


class HybridIndex:
    def __init__(self, dense: FaissIndex, lexical: PostingsIndex, regions: Regions) -> None:
        self.dense = dense
        self.lexical = lexical
        self.regions = regions

    def change(self, change: IndexChange) -> None:
        fresh = np.flatnonzero(self.dense.rows.fresh(change.added))
        self.regions.append(change.vectors[fresh], [change.terms[at] for at in fresh])
        self.dense.change(added=change.added, vectors=change.vectors, removed=change.removed)
        self.lexical.change(added=change.added, terms=change.terms, removed=change.removed)

    def search(self, query: Query, k: int, *, allowed: Ids | None = None) -> Candidates:
        """The best ``k`` by words and the nearest ``k``, as many of each script to which it is moved."""
        queries = self.regions.moved(query.vector, query.script, query.home)
        moved = {name: vector for name, vector in queries.items() if vector is not query.vector}
        searches: list[tuple[Vectors, Mask | None]] = [
            (vector, self.regions.of(name) if len(queries) > 1 else None) for name, vector in moved.items()
        ]
        if len(moved) < len(queries):
            searches.append((query.vector, None))
        found = [self.dense.search(vector, k, allowed=allowed, within=within) for vector, within in searches]
        nearest = np.unique(np.concatenate([np.empty(0, np.int64), *(ids for ids, _ in found)]))
        lexical = self.lexical.search(query.terms, k, allowed=allowed, also=nearest)
        scripts = self.regions.scripts(self.dense.rows.positions(lexical.ids))
        own = np.concatenate([query.vector[:0], *(queries[name] for name in scripts)])
        vectors = self.dense.vectors(lexical.ids)
        if vectors is None:
            products = {
                (id(vector), one): product
                for (vector, _), (ids, near) in zip(searches, found, strict=True)
                for one, product in zip(ids.tolist(), near.tolist(), strict=True)
            }
            pairs = zip(lexical.ids.tolist(), scripts, strict=True)
            near = np.array(
                [products.get((id(queries[name]), one), np.nan) for one, name in pairs], np.float32
            )
            cosine = np.full_like(near, np.nan)
        else:
            near, cosine = np.sum(vectors * own, axis=1), vectors @ query.vector[0]
        return Candidates(
            ids=lexical.ids,
            queries=own,
            near=near,
            cosine=cosine,
            lexical=lexical.scores,
            coverage=lexical.coverage,
        )

    def state(self) -> State:
        """As it is now: what changes the index later leaves it as it is."""
        parts = {
            "dense": self.dense.state(),
            "lexical": self.lexical.state(),
            "regions": self.regions.state(),
        }
        return {f"{part}.{name}": array for part, state in parts.items() for name, array in state.items()}

    @classmethod
    def from_state(cls, dim: int, state: State) -> "HybridIndex":
        """Raises ValueError or KeyError when the parts do not fit together."""

        def part(name: str) -> dict[str, npt.NDArray[Any]]:
            return {key.removeprefix(name): part for key, part in state.items() if key.startswith(name)}

        made = cls(
            FaissIndex.from_state(dim, part("dense.")),
            PostingsIndex.from_state(part("lexical.")),
            Regions.from_state(dim, part("regions.")),
        )
        if not made.dense.total == made.lexical.total == len(made.regions):
            raise ValueError("the snapshot's legs do not stand at one seq")
        return made


def total_of(state: State) -> int:
    """Passages in it, tombstones included."""
    return len(state["dense.ids"])


def build_hybrid(
    dim: int, changes: Iterable[IndexChange], progress: Callable[[int], None]
) -> tuple[HybridIndex, int, float]:
    """The index of all that ``changes`` tell of; its seq (-1 without any); the dense leg's recall@10.
    ``progress`` is told how many passages were read."""
    ids: list[Ids] = []
    vectors: list[Vectors] = []
    lexical, regions, seq, done = PostingsIndex(), Regions(dim), -1, 0
    for change in changes:
        ids.append(change.added)
        vectors.append(change.vectors)
        lexical.change(added=change.added, terms=change.terms, removed=change.removed)
        regions.append(change.vectors, change.terms)
        seq, done = change.seq, done + len(change.added)
        progress(done)
    all_ids = np.concatenate(ids) if ids else np.empty(0, np.int64)
    all_vectors = np.concatenate(vectors) if vectors else np.empty((0, dim), np.float32)
    dense, recall = build(dim, all_ids, all_vectors)
    return HybridIndex(dense, lexical, regions), seq, recall
