"""What is compared: ways to rank the same chunks, with the same vectors, for the same questions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluation.stage import Indexed, Stage
from indexes.records import Collection, Vectors

DEPTH = 30  # chunks that an arm returns, before those of one passage are made one
RRF_K = 60
OURS = "Simurgh"

Ranker = Callable[[str], Sequence[str]]  # a question -> uris of chunks, best first


@dataclass(frozen=True, kw_only=True)
class Arm:
    name: str
    rank: Ranker
    five: Ranker | None = None  # the same for as many chunks as /ask takes


def arms(stage: Stage, collection: Collection) -> list[Arm]:
    """Ours first."""
    indexed = stage.indexed(collection)
    dense, lexical = Dense(indexed, stage.embedder.embed_queries), Lexical(indexed)

    def ours(top_k: int) -> Ranker:
        return lambda question: [hit.uri for hit in stage.search(collection, question, top_k=top_k)]

    def named(order: Callable[[str], Sequence[int]]) -> Ranker:
        return lambda question: [indexed.uris[at] for at in order(question)]

    found = [
        Arm(name=OURS, rank=ours(DEPTH), five=ours(5)),
        Arm(name="dense alone", rank=named(dense)),
        Arm(name="BM25 alone", rank=named(lexical)),
        Arm(name="RRF of both", rank=named(lambda question: rrf([dense(question), lexical(question)]))),
    ]
    return found + _llamaindex(indexed, stage.embedder.embed_queries)


class Dense:
    """Exact search over the same vectors; chunk numbers, best first."""

    def __init__(self, indexed: Indexed, embed: Callable[[Sequence[str]], Vectors]) -> None:
        import faiss

        self._index = faiss.IndexFlatIP(indexed.vectors.shape[1])
        self._index.add(indexed.vectors)
        self._embed = embed

    def __call__(self, question: str) -> Sequence[int]:
        _, found = self._index.search(self._embed([question]), DEPTH)
        return [int(at) for at in found[0] if at >= 0]


class Lexical:
    """BM25 over the terms of our own analysis, so that what differs from ours is the fusion."""

    def __init__(self, indexed: Indexed) -> None:
        import bm25s

        from indexes.text import Analyzer

        self._terms = Analyzer().terms
        self._index = bm25s.BM25()
        self._index.index(list(indexed.terms), show_progress=False)
        self._depth = min(DEPTH, len(indexed.texts))

    def __call__(self, question: str) -> Sequence[int]:
        terms = self._terms(question)
        found, scores = self._index.retrieve([terms], k=self._depth, show_progress=False)
        return [int(at) for at, score in zip(found[0], scores[0], strict=True) if score > 0]


def rrf(rankings: Sequence[Sequence[int]]) -> list[int]:
    """Reciprocal rank fusion with equal weights (Cormack et al. 2009)."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, one in enumerate(ranking, 1):
            scores[one] = scores.get(one, 0.0) + 1 / (RRF_K + rank)
    return sorted(scores, key=lambda one: (-scores[one], one))[:DEPTH]


def _llamaindex(indexed: Indexed, embed: Callable[[Sequence[str]], Vectors]) -> list[Arm]:
    """Nothing where the package is not installed: `pip install simurgh[eval]`."""
    try:
        import llama_index.core  # noqa: F401
    except ImportError:
        return []
    from evaluation.llamaindex import retrievers

    return [Arm(name=name, rank=rank) for name, rank in retrievers(indexed, embed, depth=DEPTH).items()]
