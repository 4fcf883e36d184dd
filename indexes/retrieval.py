"""From a question to the passages that may answer it."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace

import numpy as np

from indexes.chunks import Chunks
from indexes.duplicates import unlike
from indexes.embedders import Embedders
from indexes.errors import Reembedded
from indexes.fusion import Fusion
from indexes.hybrid import CANDIDATES, Query
from indexes.language import script
from indexes.live import LiveIndexes
from indexes.neighbours import Neighbours
from indexes.precedence import Asking
from indexes.records import Collection, Filters, Hit, Relevance, Vectors
from indexes.reranker import RERANKED, Reranker
from indexes.rows import Ids
from indexes.text import Analyzer
from indexes.vectors import Scores

SPARE = 2  # times the passages asked for, so that repeated ones can be left out


class Retrieval:
    """``shortest`` is in characters: shorter passages are widened by their neighbours; 0 widens none."""

    def __init__(
        self,
        *,
        embedders: Embedders,
        live: LiveIndexes,
        chunks: Chunks,
        analyzer: Analyzer,
        fusion: Fusion,
        neighbours: Neighbours,
        asking: Asking = nullcontext,
        shortest: int = 0,
        reranker: Reranker | None = None,
    ) -> None:
        self._embedders = embedders
        self._live = live
        self._chunks = chunks
        self._analyzer = analyzer
        self._fusion = fusion
        self._neighbours = neighbours
        self._asking = asking
        self._shortest = shortest
        self._reranker = reranker

    def search(self, collection: Collection, question: str, *, top_k: int, filters: Filters) -> Sequence[Hit]:
        """At most ``top_k`` live passages, best first; of those that nearly repeat each other, the best.

        A collection whose model changes on the way is searched again, by the new one. Raises InvalidRequest
        for a filter that there is not, EmbedderMismatch, IndexUnavailable, Unavailable.
        """
        while True:
            try:
                with self._asking():
                    return self._search(collection, question, top_k, filters)
            except Reembedded as switched:
                collection = replace(collection, embedder=switched.now)

    def _search(self, collection: Collection, question: str, top_k: int, filters: Filters) -> Sequence[Hit]:
        """Raises Reembedded besides."""
        query = Query(
            vector=self._embedders.of(collection.embedder).embed_queries([question]),
            script=script(question),
            home=self._fusion.home(question, collection.embedder.id),
            terms=self._analyzer.terms(question),
        )
        allowed = self._chunks.allowed(collection, filters) if filters else None
        found = self._live.search(collection, query, max(top_k, CANDIDATES), allowed=allowed)
        near = self._exact(collection, found.ids, found.near, found.queries)
        scores = self._fusion.fuse(question, near, found.lexical, found.coverage)
        wanted = top_k if self._reranker is None else max(top_k, RERANKED)
        best = np.lexsort((found.ids, -scores))[: SPARE * wanted]
        straight = np.broadcast_to(query.vector, (len(best), query.vector.shape[1]))
        cosines = self._exact(collection, found.ids[best], found.cosine[best], straight)
        passages = self._chunks.passages(
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
        kept = unlike([passage.terms for passage in passages])[:wanted]
        hits = self._reranked(question, [passages[at].hit for at in kept])[:top_k]
        return self._neighbours.widen(hits, shortest=self._shortest)

    def _exact(self, collection: Collection, ids: Ids, products: Scores, queries: Vectors) -> Scores:
        """[n] products with ``queries`` [n, dim]: those that are NaN by the stored vectors, if they live."""
        missing = np.flatnonzero(np.isnan(products))
        if not len(missing):
            return products
        vectors = self._chunks.vectors(collection, ids[missing])
        exact = products.copy()
        for at in missing:
            vector = vectors.get(int(ids[at]))
            if vector is not None:
                exact[at] = vector @ queries[at]
        return exact

    def _reranked(self, question: str, hits: Sequence[Hit]) -> Sequence[Hit]:
        if self._reranker is None:
            return hits
        scores = self._reranker.rerank(question, hits)
        rescored = [replace(hit, score=score) for hit, score in zip(hits, scores, strict=True)]
        return sorted(rescored, key=lambda hit: (-hit.score, hit.chunk_id))
