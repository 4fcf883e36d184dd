"""From a question to the passages that may answer it."""

from collections.abc import Sequence

from indexes.chunks import Chunks
from indexes.embedder import Embedder
from indexes.live import LiveIndexes
from indexes.records import Collection, Filters, Hit


class Retrieval:
    def __init__(self, embedder: Embedder, live: LiveIndexes, chunks: Chunks) -> None:
        self._embedder = embedder
        self._live = live
        self._chunks = chunks

    def search(self, collection: Collection, question: str, *, top_k: int, filters: Filters) -> Sequence[Hit]:
        """At most ``top_k`` live passages, best first.

        Raises InvalidRequest for a filter that there is not, IndexUnavailable, Unavailable.
        """
        query = self._embedder.embed_queries([question])
        allowed = self._chunks.allowed(collection, filters) if filters else None
        ids, scores = self._live.search(collection, query, top_k, allowed=allowed)
        named = {int(one): float(score) for one, score in zip(ids, scores, strict=True)}
        return self._chunks.hits(collection, named)
