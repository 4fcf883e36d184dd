"""The whole pull story: what a source holds goes into the queue, what it holds no more is deleted."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import structlog

from indexes.brought import Brought
from indexes.documents import Documents
from indexes.errors import DocumentNotFound, SimurghError, StorageFull, Unavailable, UnreadableDocument
from indexes.pulls import Pulls
from indexes.queue import Queue
from indexes.records import Item, Kept, Known, LeftOut, Moved, NewDocument, Pull
from ingest.contents import Contents

BATCH = 50  # documents in one transaction
SHOWN = 5  # of what was left out
FLUSH = 2.0  # seconds after which fewer are handed in: a crawl takes its time
ROOM = 0.5  # share of a tenant's queue that pulls may fill; the rest is for those who wait at the door
ROOM_INTERVAL = 1.0  # seconds between two looks for room
MAX_ATTEMPTS = 3  # times a pull may take its worker down before it is given up
log = structlog.get_logger()


class Puller:
    def __init__(
        self,
        *,
        pulls: Pulls,
        brought: Brought,
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
        self._brought = brought
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
            known = self._brought.known(pull)
            found = _Found()
            for some in self._batches(pull, known):
                for item in some:
                    self._take_in(pull, item, known, found)
                new = [item for item in some if isinstance(item, NewDocument)]
                if not self._queue.extend(pull, new, max_queued=self._max_queued):
                    return  # cancelled
            self._brought.saw(found.seen, pull.source.tags)
            gone = self._delete_missing(pull, known, found)
            self._pulls.end(pull, "done", items=len(found.sources), **found.left_out())
            log.info(
                "source pulled", source=pull.source.id, job=pull.job_id, items=len(found.sources), gone=gone
            )
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

    def _batches(self, pull: Pull, known: Mapping[str, Known]) -> Iterator[list[Item]]:
        """What it holds, some at a time, the last batch perhaps empty. Raises Unavailable when the worker
        stops."""
        some: list[Item] = []
        since, count = time.monotonic(), 0
        for one in self._contents[pull.source.kind].of(pull, known):
            if one is not None:
                some.append(one)
                count += isinstance(one, NewDocument | Moved) or (isinstance(one, Kept) and one.seen)
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
                self._wait_for_room(pull.collection.tenant)
                some, since = [], time.monotonic()
        yield some

    def _wait_for_room(self, tenant: str) -> None:
        while self._queue.waiting(tenant) > ROOM * self._max_queued:
            if self._stop.wait(ROOM_INTERVAL):
                raise Unavailable("the worker stops")

    def _take_in(self, pull: Pull, item: Item, known: Mapping[str, Known], found: "_Found") -> None:
        if isinstance(item, LeftOut):
            found.problems.append(f"{item.name} ({item.reason})")
            return
        found.sources.add(item.source)
        if isinstance(item, Moved):
            if self._brought.move(pull, item):
                found.moved.add(item.document_id)
            else:
                self._queue.extend(pull, [item.item], max_queued=self._max_queued)
        elif isinstance(item, Kept) and item.seen:
            found.seen.append(known[item.source].document_id)

    def _delete_missing(self, pull: Pull, known: Mapping[str, Known], found: "_Found") -> int:
        if known and not found.sources:
            raise UnreadableDocument(
                f"it is empty all at once: its {len(known)} documents are kept until it is not, or until "
                "they are deleted by hand",
                code="empty_source",
            )
        missing = [
            one.document_id
            for source, one in known.items()
            if source not in found.sources and one.document_id not in found.moved
        ]
        for document_id in missing:
            try:
                self._documents.delete(self._documents.get(pull.collection.tenant, document_id))
            except DocumentNotFound:  # somebody was quicker
                continue
        return len(missing)


@dataclass(kw_only=True)
class _Found:
    """What a source holds."""

    sources: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)  # documents that say what it says
    moved: set[str] = field(default_factory=set)  # documents
    problems: list[str] = field(default_factory=list)

    def left_out(self) -> dict[str, str]:
        if not self.problems:
            return {}
        shown = "; ".join(self.problems[:SHOWN])
        return {"code": "left_out", "error": f"{len(self.problems)} left out: {shown}"}
