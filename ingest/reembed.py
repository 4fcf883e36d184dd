"""The whole re-embedding story: new vectors beside the old, then one transaction, then what is left over."""

import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from indexes.chunks import Chunks
from indexes.embedder import Embedder
from indexes.embedders import Embedders
from indexes.errors import CollectionNotFound, Reembedded, SimurghError, StorageFull, Unavailable
from indexes.hybrid import build_hybrid
from indexes.new_vectors import BATCH, NewVectors
from indexes.records import ReEmbedding
from indexes.reembeddings import ReEmbeddings
from indexes.snapshots import Snapshots

MAX_ATTEMPTS = 3  # times it may take its worker down without getting anything done
NOTICE = 6.0  # seconds at least between a snapshot and the switch: services look for it every two
log = structlog.get_logger()


class ReEmbedder:
    def __init__(
        self,
        *,
        re_embeddings: ReEmbeddings,
        vectors: NewVectors,
        chunks: Chunks,
        snapshots: Snapshots,
        embedders: Embedders,
        wait: Callable[[float], bool],
    ) -> None:
        """``wait`` pauses for seconds, and is true at once when the worker stops."""
        self._re_embeddings = re_embeddings
        self._vectors = vectors
        self._chunks = chunks
        self._snapshots = snapshots
        self._embedders = embedders
        self._wait = wait

    def ingest(self, work_id: str) -> None:
        """Safe to run again at any time: what was embedded is not embedded again.

        Raises Unavailable and StorageFull, which may pass.
        """
        work = self._re_embeddings.take(work_id)
        if work is None:
            return
        try:
            if work.status == "processing" and not self._switched(work):
                return
            self._vectors.clear(work)
            self._snapshots.forget_old(work.collection.id)
            self._embedders.release(self._re_embeddings.in_use())
        except CollectionNotFound:
            return  # it was deleted, and its vectors with it
        except (Unavailable, StorageFull):
            self._re_embeddings.put_back(work)  # its surroundings failed
            raise
        except SimurghError as error:
            log.info("re-embedding failed", collection=work.collection.name, code=error.code)
            self._re_embeddings.fail(work, error.code, error.message)

    def give_up(self, work_id: str, error: SimurghError) -> None:
        """Fail one that keeps failing through no fault of its own; another try goes on where it was."""
        work = self._re_embeddings.take(work_id)
        if work is not None:
            self._re_embeddings.fail(work, error.code, error.message)

    def _switched(self, work: ReEmbedding) -> bool:
        """False when the worker stops on the way. One that is cancelled counts as done with."""
        if work.attempts > MAX_ATTEMPTS:
            raise SimurghError("it took the worker down every time it was tried", code="poison")
        embedder = self._embedders.of(work.target)
        if (ended := self._fill(work, embedder)) is not None:
            return ended
        self._re_embeddings.tell(work, "indexing")
        try:
            took = self._index(work)
        except Reembedded:  # nothing is on its way any more
            return True
        if self._wait(max(NOTICE, took)):
            return False
        while not self._vectors.switch(work, embedder.embed_passages):
            if (ended := self._fill(work, embedder)) is not None:
                return ended
        log.info("re-embedded", collection=work.collection.name, embedder=work.target.id, job=work.job_id)
        return True

    def _fill(self, work: ReEmbedding, embedder: Embedder) -> bool | None:
        """Round by round, until no more is missing than one batch, for others commit meanwhile. None when it
        is so, True when it was cancelled, False when the worker stops."""
        self._re_embeddings.tell(work, "embedding")
        while True:
            found = self._vectors.round(work)
            for at in range(0, len(found.ids), BATCH):
                if self._wait(0):
                    return False
                batch = self._vectors.batch(work, found.ids[at : at + BATCH])
                vectors = batch.vectors(embedder.embed_passages)
                left = max(0, len(found.ids) - at - BATCH)
                if not self._vectors.add(work, vectors, left=left):
                    return True
            if not self._vectors.cover(work, found.seq):
                return True
            if len(found.ids) <= BATCH:
                return None

    def _index(self, work: ReEmbedding) -> float:
        """Save the index that will answer, for services to open it ahead of time. Seconds that it took."""
        started = time.monotonic()
        collection = replace(work.collection, embedder=work.target)
        changes = self._chunks.changes(collection, after=-1)
        index, seq, _recall = build_hybrid(work.target.dim, changes, lambda _done: None)
        self._snapshots.save(collection, index.state(), max(seq, 0), built_seq=max(seq, 0))
        return time.monotonic() - started
