"""The whole pull story: what a source holds goes into the queue, what it holds no more is deleted."""

from collections.abc import Iterator, Mapping
from itertools import islice

import structlog

from indexes.documents import Documents
from indexes.errors import DocumentNotFound, SimurghError, StorageFull, Unavailable, UnreadableDocument
from indexes.pulls import Pulls
from indexes.queue import Queue
from indexes.records import NewDocument, Pull
from ingest.contents import Contents

BATCH = 50  # documents in one transaction
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
    ) -> None:
        """``contents``: by the kind of source."""
        self._pulls = pulls
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
            seen: set[str] = set()
            items = self._documents_of(pull)
            while some := list(islice(items, BATCH)):
                if not self._queue.extend(pull, some, max_queued=self._max_queued):
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

    def _documents_of(self, pull: Pull) -> Iterator[NewDocument]:
        for count, one in enumerate(self._contents[pull.source.kind].of(pull), 1):
            if count > self._max_items:
                raise UnreadableDocument(
                    f"it has more than {self._max_items} items: ask for fewer, or raise "
                    "SIMURGH_MAX_PULLED_ITEMS",
                    code="too_many_items",
                )
            yield one

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
