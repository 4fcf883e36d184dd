"""The whole pull story: what a source holds goes into the queue, what it holds no more is deleted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import structlog

from indexes.brought import Brought
from indexes.documents import Documents
from indexes.errors import DocumentNotFound, SimurghError, StorageFull, Unavailable, UnreadableDocument
from indexes.pulls import Pulls
from indexes.queue import Queue
from indexes.records import Kept, Known, LeftOut, Moved, NewDocument, Pull
from ingest.contents import Contents
from ingest.store_contents import Item

BATCH = 50  # documents in one transaction
SHOWN = 5  # of what was left out
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
    ) -> None:
        """``contents``: by the kind of source."""
        self._pulls = pulls
        self._brought = brought
        self._queue = queue
        self._documents = documents
        self._contents = contents
        self._max_items = max_items
        self._max_queued = max_queued

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
            new: list[NewDocument] = []
            for item in self._items_of(pull, known):
                if isinstance(item, NewDocument):
                    found.sources.add(item.source)
                    new.append(item)
                else:
                    self._take_in(pull, item, known, found)
                if len(new) == BATCH:
                    if not self._queue.extend(pull, new, max_queued=self._max_queued):
                        return  # cancelled
                    new = []
            if not self._queue.extend(pull, new, max_queued=self._max_queued):
                return
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

    def _items_of(self, pull: Pull, known: Mapping[str, Known]) -> Iterator[Item]:
        for count, one in enumerate(self._contents[pull.source.kind].of(pull, known), 1):
            if count > self._max_items:
                raise UnreadableDocument(
                    f"it has more than {self._max_items} items: ask for fewer, or raise "
                    "SIMURGH_MAX_PULLED_ITEMS",
                    code="too_many_items",
                )
            yield one

    def _take_in(
        self, pull: Pull, item: Kept | Moved | LeftOut, known: Mapping[str, Known], found: "_Found"
    ) -> None:
        """What makes no new version."""
        if isinstance(item, LeftOut):
            found.problems.append(f"{item.name} ({item.reason})")
            return
        found.sources.add(item.source)
        if isinstance(item, Moved):
            if self._brought.move(pull, item):
                found.moved.add(item.document_id)
            else:
                self._queue.extend(pull, [item.item], max_queued=self._max_queued)
        elif item.seen:
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
