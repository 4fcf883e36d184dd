"""The whole pull story: what a source holds goes into the queue, what it holds no more is deleted."""

from collections.abc import Iterator, Mapping
from itertools import islice

import structlog

from indexes.blobs import Blobs
from indexes.documents import Documents
from indexes.errors import DocumentNotFound, SimurghError, StorageFull, Unavailable, UnreadableDocument
from indexes.pulls import Pulls, item_source
from indexes.queue import Queue
from indexes.records import NewDocument, Pull
from ingest.fetch import Fetcher
from ingest.handed import Payload, payload_document, url_document
from ingest.json_api import api_items
from ingest.sql_rows import database_items

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
        blobs: Blobs,
        fetcher: Fetcher,
        connections: Mapping[str, str],
        max_bytes: int,
        max_items: int,
        max_queued: int,
    ) -> None:
        """``connections``: name -> SQLAlchemy URL."""
        self._pulls = pulls
        self._queue = queue
        self._documents = documents
        self._blobs = blobs
        self._fetcher = fetcher
        self._connections = connections
        self._max_bytes = max_bytes
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
            items = self._items(pull)
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

    def _items(self, pull: Pull) -> Iterator[NewDocument]:
        source = pull.source
        if source.kind == "url":
            yield url_document(source.spec["url"], source.tags)
            return
        for count, item in enumerate(self._payloads(pull), 1):
            if count > self._max_items:
                raise UnreadableDocument(
                    f"it has more than {self._max_items} items: ask for fewer, or raise "
                    "SIMURGH_MAX_PULLED_ITEMS",
                    code="too_many_items",
                )
            yield payload_document(
                self._blobs,
                item,
                source.tags,
                max_bytes=self._max_bytes,
                source=item_source(pull.key, item.id),
                uri=f"{source.spec.get('url') or source.spec['connection']}#{item.id}",
            )

    def _payloads(self, pull: Pull) -> Iterator[Payload]:
        spec = pull.source.spec
        if pull.source.kind == "api":
            return api_items(self._fetcher, spec)
        url = self._connections.get(spec["connection"])
        if url is None:
            raise UnreadableDocument(f"there is no connection {spec['connection']!r} any more", code="gone")
        return database_items(url, spec)

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
