"""From a question to the passages that may answer it."""

from collections.abc import Sequence

import numpy as np

from indexes.chunks import Chunks
from indexes.embedder import Embedder
from indexes.fusion import Fusion
from indexes.hybrid import CANDIDATES, Candidates
from indexes.live import LiveIndexes
from indexes.records import Collection, Filters, Hit, Relevance, Vectors
from indexes.text import Analyzer


class Retrieval:
    def __init__(
        self, *, embedder: Embedder, live: LiveIndexes, chunks: Chunks, analyzer: Analyzer, fusion: Fusion
    ) -> None:
        self._embedder = embedder
        self._live = live
        self._chunks = chunks
        self._analyzer = analyzer
        self._fusion = fusion

    def search(self, collection: Collection, question: str, *, top_k: int, filters: Filters) -> Sequence[Hit]:
        """At most ``top_k`` live passages, best first.

        Raises InvalidRequest for a filter that there is not, IndexUnavailable, Unavailable.
        """
        query = self._embedder.embed_queries([question])
        allowed = self._chunks.allowed(collection, filters) if filters else None
        found = self._live.search(
            collection,
            query,
            self._analyzer.terms(question),
            max(top_k, CANDIDATES),
            allowed=allowed,
        )
        relevance = self._relevance(collection, question, query, found)
        best = sorted(relevance, key=lambda one: (-relevance[one].score, one))[:top_k]
        return self._chunks.hits(collection, {one: relevance[one] for one in best})

    def _relevance(
        self, collection: Collection, question: str, query: Vectors, found: Candidates
    ) -> dict[int, Relevance]:
        """Of every candidate that lives, each of its scores exact."""
        cosine = found.cosine.copy()
        missing = np.flatnonzero(np.isnan(cosine))
        vectors = self._chunks.vectors(collection, found.ids[missing])
        for at in missing:
            vector = vectors.get(int(found.ids[at]))
            cosine[at] = np.nan if vector is None else vector @ query[0]
        there = np.flatnonzero(~np.isnan(cosine))  # what died meanwhile has no vector to read
        parts = cosine[there], found.lexical[there], found.coverage[there]
        scores = self._fusion.fuse(question, *parts)
        return {
            int(found.ids[at]): Relevance(
                score=float(score), dense=float(dense), lexical=float(lexical), coverage=float(coverage)
            )
            for at, score, dense, lexical, coverage in zip(there, scores, *parts, strict=True)
        }
