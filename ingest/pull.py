"""The whole pull story: what a source holds goes into the queue, what it holds no more is deleted."""

import threading
import time
from collections.abc import Iterator, Mapping

import structlog

from indexes.documents import Documents
from indexes.errors import DocumentNotFound, SimurghError, StorageFull, Unavailable, UnreadableDocument
from indexes.pulls import Pulls
from indexes.queue import Queue
from indexes.records import Kept, NewDocument, Pull
from ingest.contents import Contents

BATCH = 50  # documents in one transaction
FLUSH = 2.0  # seconds after which fewer are handed in: a crawl takes its time
ROOM = 0.5  # share of the queue that pulls may fill; the rest is for those who wait at the door
ROOM_INTERVAL = 1.0  # seconds between two looks for room
MAX_ATTEMPTS = 3  # times a pull may take its worker down before it is given up
log = structlog.get_logger()


class Puller:
    def __init__(
        self,
        *,
        pulls: Pulls,
        queue: Queue,
        documents: Documents,
        contents: Mapping[str, Contents],
        max_items: int,
        max_queued: int,
        stop: threading.Event,
    ) -> None:
        """``contents``: by the kind of source. ``stop``: when it is set, what is being pulled is left to the
        next worker."""
        self._pulls = pulls
        self._queue = queue
        self._documents = documents
        self._contents = contents
        self._max_items = max_items
        self._max_queued = max_queued
        self._stop = stop

    def ingest(self, pull_id: str) -> None:
        """Hand in what the source holds now, then delete what it held before and holds no more.

        Safe to run again at any time: what was handed in before is unchanged. A source that fails, or is
        empty all at once, loses nothing. Raises Unavailable and StorageFull, which may pass.
        """
        pull = self._pulls.take(pull_id)
        if pull is None:
            return
        try:
            if pull.attempts > MAX_ATTEMPTS:
                raise UnreadableDocument("it took the worker down every time it was pulled", code="poison")
            seen: set[str] = set()
            for some in self._batches(pull):
                new = [one for one in some if isinstance(one, NewDocument)]
                if not self._queue.extend(pull, new, max_queued=self._max_queued):
                    return  # cancelled
                seen.update(one.source for one in some)
            gone = self._delete_missing(pull, seen)
            self._pulls.end(pull, "done", items=len(seen))
            log.info("source pulled", source=pull.source.id, job=pull.job_id, items=len(seen), gone=gone)
        except (Unavailable, StorageFull):
            self._pulls.put_back(pull)
            raise
        except SimurghError as error:
            log.info("source failed", source=pull.source.id, job=pull.job_id, code=error.code)
            self._pulls.end(pull, "failed", code=error.code, error=error.message)

    def give_up(self, pull_id: str, error: SimurghError) -> None:
        """End a pull that keeps failing through no fault of its own."""
        pull = self._pulls.take(pull_id)
        if pull is not None:
            self._pulls.end(pull, "failed", code=error.code, error=error.message)

    def _batches(self, pull: Pull) -> Iterator[list[NewDocument | Kept]]:
        """What it holds, some at a time, the last batch perhaps empty. Raises Unavailable when the worker
        stops."""
        some: list[NewDocument | Kept] = []
        since, count = time.monotonic(), 0
        for one in self._contents[pull.source.kind].of(pull):
            if one is not None:
                some.append(one)
            if isinstance(one, NewDocument):
                count += 1
            if count > self._max_items:
                raise UnreadableDocument(
                    f"it has more than {self._max_items} items: ask for fewer, or raise "
                    "SIMURGH_MAX_PULLED_ITEMS",
                    code="too_many_items",
                )
            if self._stop.is_set():
                raise Unavailable("the worker stops")
            if len(some) >= BATCH or time.monotonic() - since > FLUSH:
                yield some
                self._wait_for_room()
                some, since = [], time.monotonic()
        yield some

    def _wait_for_room(self) -> None:
        while self._queue.depth()[0] > ROOM * self._max_queued:
            if self._stop.wait(ROOM_INTERVAL):
                raise Unavailable("the worker stops")

    def _delete_missing(self, pull: Pull, seen: set[str]) -> int:
        known = self._pulls.documents(pull)
        if known and not seen:
            raise UnreadableDocument(
                f"it is empty all at once: its {len(known)} documents are kept until it is not, or until "
                "they are deleted by hand",
                code="empty_source",
            )
        missing = [document_id for source, document_id in known.items() if source not in seen]
        for document_id in missing:
            try:
                self._documents.delete(self._documents.get(pull.collection.tenant, document_id))
            except DocumentNotFound:  # somebody was quicker
                continue
        return len(missing)
