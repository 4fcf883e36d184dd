"""The vector index port, and an exact stand-in for unit tests."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from indexes.records import Vectors
from indexes.rows import Ids

Scores = npt.NDArray[np.float32]


class VectorIndex(Protocol):
    """Vectors of unit length under ids that are never reused; scores are cosines."""

    def change(self, *, added: Ids, vectors: Vectors, removed: Ids) -> None:
        """Take up ``vectors`` [n, dim] under ``added`` [n], forget ``removed``; unknown ids are ignored."""
        ...

    def search(self, query: Vectors, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """``query`` [1, dim] -> at most ``k`` ids and their scores, best first, only from ``allowed``."""
        ...


class FakeIndex:
    """A dictionary searched from end to end."""

    def __init__(self, dim: int) -> None:
        self._dim = dim
        self._vectors: dict[int, Vectors] = {}

    def change(self, *, added: Ids, vectors: Vectors, removed: Ids) -> None:
        self._vectors.update(zip(added.tolist(), vectors, strict=True))
        for one in removed.tolist():
            self._vectors.pop(one, None)

    def search(self, query: Vectors, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        ids = [one for one in self._vectors if allowed is None or one in set(allowed.tolist())]
        scores = {one: float(self._vectors[one] @ query[0]) for one in ids}
        best = sorted(scores, key=lambda one: (-scores[one], one))[:k]
        return np.array(best, np.int64), np.array([scores[one] for one in best], np.float32)
