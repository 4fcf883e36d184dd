"""FAISS behind the vector index port.

Ids and tombstones are kept here, outside FAISS, because a GPU index can neither take ids (Flat) nor
remove vectors: FAISS itself sees only positions 0..n-1, in the order in which they were added. With a
GPU, a copy of the index lives on it and serves the plain searches; searches that need a selector
(a filter, or many tombstones) run on the CPU's copy, which is also the one that is saved.
"""

import math
from typing import Any

import faiss as _faiss
import numpy as np
import numpy.typing as npt

from indexes.records import Vectors
from indexes.rows import Ids, Mask, Rows
from indexes.vectors import Scores

faiss: Any = _faiss  # its stubs describe the C++ signatures, not what Python callers use

FLAT_LIMIT = 50_000  # vectors; up to here exact search takes some milliseconds
TARGET_RECALL = 0.97  # recall@10 against exact search, measured when an approximate index is built
RECALL_QUERIES = 128
TRAINING_VECTORS = 100_000
GPU_K_LIMIT = 2048


class FaissIndex:
    def __init__(self, dim: int, index: Any = None, rows: Rows | None = None) -> None:
        self._cpu = faiss.IndexFlatIP(dim) if index is None else index
        self.rows = Rows() if rows is None else rows
        self._gpu = _to_gpu(self._cpu)

    @property
    def live(self) -> int:
        return self.rows.live

    @property
    def total(self) -> int:
        """Positions in use, tombstones included."""
        return len(self.rows)

    @property
    def kind(self) -> str:
        return "flat" if isinstance(self._cpu, faiss.IndexFlat) else "ivf"

    @property
    def worth_rebuilding(self) -> bool:
        """Too many tombstones, or too many vectors to search them all."""
        crowded = self.rows.dead > 1000 and self.rows.dead * 3 > self.total
        outgrown = self.live > 1.5 * FLAT_LIMIT if self.kind == "flat" else self.live < FLAT_LIMIT / 2
        return crowded or outgrown

    def change(self, *, added: Ids, vectors: Vectors, removed: Ids) -> None:
        self.rows.retire(removed)
        fresh = self.rows.fresh(added)
        added, vectors = added[fresh], vectors[fresh]
        if len(added):
            contiguous = np.ascontiguousarray(vectors, np.float32)
            self._cpu.add(contiguous)
            if self._gpu is not None:
                self._gpu.add(contiguous)
            self.rows.append(added)

    def search(
        self, query: Vectors, k: int, *, allowed: Ids | None = None, within: Mask | None = None
    ) -> tuple[Ids, Scores]:
        """``within`` [total] narrows the search to some positions."""
        wanted = min(k, self.live if allowed is None else len(allowed))
        if wanted == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        dead = self.rows.dead
        plain = allowed is None and within is None
        if plain and self._gpu is not None and wanted + dead <= GPU_K_LIMIT:
            scores, positions = self._gpu.search(query, wanted + dead)
        else:
            mask = None if plain and not dead else self.rows.passing(allowed)
            if mask is not None and within is not None:
                mask = mask & within
            scores, positions = self._cpu.search(query, wanted, params=self._parameters(mask))
        found = positions[0][positions[0] >= 0]
        scores = scores[0][: len(found)]
        if dead and len(found) > 0:
            living = self.rows.alive[found]
            found, scores = found[living], scores[living]
        return self.rows.ids[found[:wanted]], scores[:wanted]

    def vectors(self, ids: Ids) -> Vectors | None:
        """[n, dim] of known ids, as they were added; None where the index keeps them only roughly."""
        if self.kind != "flat":
            return None
        every = faiss.rev_swig_ptr(self._cpu.get_xb(), self.total * self._cpu.d)
        return np.asarray(every.reshape(self.total, self._cpu.d)[self.rows.positions(ids)])

    def _parameters(self, mask: Mask | None) -> Any:
        if mask is None:
            return None
        selector = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
        if self.kind == "flat":
            return faiss.SearchParameters(sel=selector)
        ivf = faiss.extract_index_ivf(self._cpu)
        passing = max(int(mask.sum()), 1)  # the fewer pass, the more cells until enough of them are seen
        nprobe = min(ivf.nlist, math.ceil(ivf.nprobe * len(mask) / passing))
        return faiss.SearchParametersIVF(sel=selector, nprobe=nprobe)

    # -- what a snapshot holds

    def state(self) -> dict[str, npt.NDArray[Any]]:
        return {"index": faiss.serialize_index(self._cpu), **self.rows.state()}

    @classmethod
    def from_state(cls, dim: int, state: dict[str, npt.NDArray[Any]]) -> "FaissIndex":
        """Raises ValueError when the parts do not fit together."""
        index, rows = faiss.deserialize_index(state["index"]), Rows.from_state(state)
        if index.d != dim or index.ntotal != len(rows):
            raise ValueError("the snapshot's parts do not fit together")
        return cls(dim, index, rows)


def build(dim: int, ids: Ids, vectors: Vectors) -> tuple[FaissIndex, float]:
    """The index that suits the size, filled; and its recall@10 against exact search (1.0 for flat)."""
    if len(ids) <= FLAT_LIMIT:
        made = FaissIndex(dim)
        made.change(added=ids, vectors=vectors, removed=np.empty(0, np.int64))
        return made, 1.0
    cells = int(4 * np.sqrt(len(ids)))
    index = faiss.index_factory(dim, f"IVF{cells},SQ8", faiss.METRIC_INNER_PRODUCT)
    chosen = np.random.default_rng(0).permutation(len(ids))
    index.train(np.ascontiguousarray(vectors[np.sort(chosen[:TRAINING_VECTORS])]))
    index.add(np.ascontiguousarray(vectors))
    recall = _tune(index, vectors, np.sort(chosen[:RECALL_QUERIES]))
    return FaissIndex(dim, index, Rows(ids)), recall


def _tune(index: Any, vectors: Vectors, rows: npt.NDArray[np.intp]) -> float:
    """Double nprobe until the target is met on queries near, not at, stored vectors."""
    noise = np.random.default_rng(1).normal(0, 0.3 / np.sqrt(index.d), (len(rows), index.d))
    queries = np.ascontiguousarray(vectors[rows] + noise, np.float32)
    faiss.normalize_L2(queries)
    _, exact = faiss.knn(queries, np.ascontiguousarray(vectors), 10, metric=faiss.METRIC_INNER_PRODUCT)
    recall, nprobe = 0.0, 8
    while True:
        index.nprobe = min(nprobe, index.nlist)
        _, found = index.search(queries, 10)
        recall = float(np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(exact, found, strict=True)]))
        if recall >= TARGET_RECALL or nprobe >= index.nlist:
            return recall
        nprobe *= 2


def _to_gpu(index: Any) -> Any:
    if not hasattr(faiss, "StandardGpuResources") or faiss.get_num_gpus() == 0:
        return None
    return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
