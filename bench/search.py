"""Searches a second: our index, with ids and tombstones, against a raw IndexFlatIP."""

import faiss
import numpy as np

from bench.figures import Figure, alternated
from indexes.faiss_index import FaissIndex, build

VECTORS, DIM, QUERIES, K = 40_000, 384, 100, 10


def measure() -> list[Figure]:
    chance = np.random.default_rng(0)
    vectors = chance.normal(size=(VECTORS, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = vectors[:QUERIES]
    raw = faiss.IndexFlatIP(DIM)
    raw.add(vectors)
    clean, _ = build(DIM, np.arange(VECTORS), vectors)
    worn, _ = build(DIM, np.arange(VECTORS), vectors)
    worn.change(
        added=np.empty(0, np.int64),
        vectors=np.empty((0, DIM), np.float32),
        removed=np.arange(VECTORS - 1000, VECTORS),
    )
    allowed = np.arange(0, VECTORS, 10)

    def plain() -> None:
        for query in queries:
            raw.search(query[None], K)

    def searching(index: FaissIndex, only: np.ndarray | None = None) -> None:
        for query in queries:
            index.search(query[None], K, allowed=only)

    cases = {
        "search over a raw IndexFlatIP": lambda: searching(clean),
        "search with 1,000 tombstones, over raw": lambda: searching(worn),
        "search within a tenth (filter), over raw": lambda: searching(clean, allowed),
    }
    figures = []
    for name, ours in cases.items():
        seconds, rival = alternated(ours, plain)
        figures.append(Figure(name=name, ours=QUERIES / seconds, rival=QUERIES / rival, unit="queries/s"))
    return figures
