"""From a question to the passages that may answer it."""

from collections.abc import Sequence

import numpy as np

from indexes.chunks import Chunks
from indexes.embedder import Embedder
from indexes.fusion import Fusion
from indexes.hybrid import CANDIDATES, Candidates, Query
from indexes.live import LiveIndexes
from indexes.records import Collection, Filters, Hit, Relevance
from indexes.rows import Ids
from indexes.text import Analyzer
from indexes.vectors import Scores


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
        query = Query(
            vector=self._embedder.embed_queries([question]),
            home=self._fusion.home(question, self._embedder.identity.id),
            terms=self._analyzer.terms(question),
        )
        allowed = self._chunks.allowed(collection, filters) if filters else None
        found = self._live.search(collection, query, max(top_k, CANDIDATES), allowed=allowed)
        scores = self._fusion.fuse(question, self._near(collection, found), found.lexical, found.coverage)
        best = np.lexsort((found.ids, -scores))[:top_k]
        best = best[~np.isnan(scores[best])]
        cosines = self._products(collection, found.ids[best], query.vector[0])
        return self._chunks.hits(
            collection,
            {
                int(found.ids[at]): Relevance(
                    score=float(scores[at]),
                    dense=float(cosine),
                    lexical=float(found.lexical[at]),
                    coverage=float(found.coverage[at]),
                )
                for at, cosine in zip(best, cosines, strict=True)
            },
        )

    def _near(self, collection: Collection, found: Candidates) -> Scores:
        """Of every candidate, exact, also where only its words were found."""
        near = found.near.copy()
        missing = np.isnan(near)
        near[missing] = self._products(collection, found.ids[missing], found.query[0])
        return near

    def _products(self, collection: Collection, ids: Ids, vector: Scores) -> Scores:
        """[n] with the stored vectors; NaN for a passage that died meanwhile."""
        vectors = self._chunks.vectors(collection, ids)
        return np.array(
            [vectors[one] @ vector if one in vectors else np.nan for one in ids.tolist()], np.float32
        )
