"""What a process that answers does about collections that go over to another model."""

import structlog
from sqlalchemy import Engine

from indexes.embedders import Embedders
from indexes.errors import EmbedderMismatch
from indexes.live import LiveIndexes
from indexes.reembeddings import ReEmbeddings

log = structlog.get_logger()


class Switches:
    def __init__(self, engine: Engine, embedders: Embedders, live: LiveIndexes) -> None:
        self._re_embeddings = ReEmbeddings(engine)
        self._embedders = embedders
        self._live = live

    def prepare(self) -> None:
        """Load model and index of what is about to answer, so that the first question need not wait."""
        coming = self._re_embeddings.coming()
        for collection in coming:
            try:
                self._embedders.of(collection.embedder)
            except EmbedderMismatch as error:  # its questions will be told the same
                log.warning("re-embedding", collection=collection.name, problem=error.message)
        self._live.prepare(coming)

    def tidy(self) -> None:
        """Let go of indexes and models that answer no more."""
        self._live.renew()
        self._embedders.release(self._re_embeddings.in_use())
