"""From a question to the passages that may answer it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from indexes.chunks import Chunks
from indexes.duplicates import unlike
from indexes.embedder import Embedder
from indexes.fusion import Fusion
from indexes.hybrid import CANDIDATES, Candidates, Query
from indexes.live import LiveIndexes
from indexes.neighbours import Neighbours
from indexes.records import Collection, Filters, Hit, Relevance
from indexes.reranker import RERANKED, Reranker
from indexes.rows import Ids, Positions
from indexes.text import Analyzer
from indexes.vectors import Scores

SPARE = 2  # times the passages asked for, so that repeated ones can be left out


class Retrieval:
    """``shortest`` is in characters: shorter passages are widened by their neighbours; 0 widens none."""

    def __init__(
        self,
        *,
        embedder: Embedder,
        live: LiveIndexes,
        chunks: Chunks,
        analyzer: Analyzer,
        fusion: Fusion,
        neighbours: Neighbours,
        shortest: int = 0,
        reranker: Reranker | None = None,
    ) -> None:
        self._embedder = embedder
        self._live = live
        self._chunks = chunks
        self._analyzer = analyzer
        self._fusion = fusion
        self._neighbours = neighbours
        self._shortest = shortest
        self._reranker = reranker

    def search(self, collection: Collection, question: str, *, top_k: int, filters: Filters) -> Sequence[Hit]:
        """At most ``top_k`` live passages, best first; of those that nearly repeat each other, the best.

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
        wanted = top_k if self._reranker is None else max(top_k, RERANKED)
        best = self._best(collection, found, scores, wanted)
        cosines = self._products(collection, found.ids[best], query.vector[0])
        relevance = {
            int(found.ids[at]): Relevance(
                score=float(scores[at]),
                dense=float(cosine),
                lexical=float(found.lexical[at]),
                coverage=float(found.coverage[at]),
            )
            for at, cosine in zip(best, cosines, strict=True)
        }
        hits = self._reranked(question, self._chunks.hits(collection, relevance))[:top_k]
        return self._neighbours.widen(hits, shortest=self._shortest)

    def _near(self, collection: Collection, found: Candidates) -> Scores:
        """Of every candidate, exact, also where only its words were found."""
        near = found.near.copy()
        missing = np.isnan(near)
        near[missing] = self._products(collection, found.ids[missing], found.query[0])
        return near

    def _products(self, collection: Collection, ids: Ids, vector: Scores) -> Scores:
        """[n] with the stored vectors; NaN for a passage that died meanwhile."""
        vectors = self._chunks.vectors(collection, ids)
        products = [vectors[one] @ vector if one in vectors else np.nan for one in ids.tolist()]
        return np.array(products, np.float32)

    def _best(self, collection: Collection, found: Candidates, scores: Scores, wanted: int) -> Positions:
        best = np.lexsort((found.ids, -scores))[: SPARE * wanted]
        terms = self._chunks.terms(collection, found.ids[best])
        best = best[[one in terms for one in found.ids[best].tolist()]]
        kept = unlike([terms[one] for one in found.ids[best].tolist()])
        return np.asarray(best[kept[:wanted]])

    def _reranked(self, question: str, hits: Sequence[Hit]) -> Sequence[Hit]:
        if self._reranker is None:
            return hits
        scores = self._reranker.rerank(question, hits)
        rescored = [replace(hit, score=score) for hit, score in zip(hits, scores, strict=True)]
        return sorted(rescored, key=lambda hit: (-hit.score, hit.chunk_id))
