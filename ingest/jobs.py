"""Handing sources in: the bytes are stored, the rows committed, and only then is it acknowledged.

The rows are the queue's source of truth; the worker moves them on to DBOS, so nothing is lost between
two databases.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import BinaryIO

from indexes.blobs import Blobs
from indexes.errors import InvalidRequest
from indexes.pulls import Pulls
from indexes.queue import Queue
from indexes.records import Collection, Document, JobDocument, NewDocument
from indexes.turns import PRIORITIES, Priority
from ingest.extract import clean
from ingest.fetch import check_url
from ingest.handed import URL, Payload, payload_document, url_document
from ingest.sources import Named, Page, Pulled, seconds

STORED_AT_ONCE = 8  # most of the time is spent waiting for the disk


@dataclass(frozen=True, kw_only=True)
class File:
    name: str
    media_type: str | None
    stream: BinaryIO


class Jobs:
    def __init__(
        self,
        queue: Queue,
        pulls: Pulls,
        blobs: Blobs,
        *,
        max_bytes: int,
        max_queued: int,
        named: Named,
    ) -> None:
        self._queue = queue
        self._pulls = pulls
        self._blobs = blobs
        self._max_bytes = max_bytes
        self._max_queued = max_queued
        self._named = named

    def submit(
        self,
        collection: Collection,
        *,
        files: Sequence[File] = (),
        urls: Sequence[str] = (),
        payloads: Sequence[Payload] = (),
        pulled: Sequence[Pulled] = (),
        refresh: str | None = None,
        tags: Sequence[str] = (),
        priority: Priority = "normal",
    ) -> tuple[str, list[JobDocument]]:
        """Returns the job's id and its documents, but for those that have yet to be pulled.

        ``refresh``, "every 1h" and the like, has addresses and what is ``pulled`` read again and again.
        ``priority`` is one of `indexes.turns.PRIORITIES`.
        Raises InvalidRequest, FetchRefused, TooLarge, StorageFull, Unavailable.
        """
        for url in urls:
            check_url(url)  # what can never be fetched is refused at once
        every = None if refresh is None else seconds(refresh)
        if every is not None and not (urls or pulled):
            raise InvalidRequest("what is handed in cannot be read again", param="refresh")
        pages = [Page(url=url) for url in urls if every is not None]
        sources = [one.source(self._named) for one in (*pages, *pulled)]
        with ThreadPoolExecutor(STORED_AT_ONCE) as threads:
            handed = [
                *threads.map(lambda file: self._file(file, tags), files),
                *threads.map(
                    lambda one: payload_document(self._blobs, one, tags, max_bytes=self._max_bytes), payloads
                ),
            ]
        new = [*handed[: len(files)], *(url_document(url, tags) for url in urls), *handed[len(files) :]]
        job_id, documents, _versions = self._queue.accept(
            collection,
            new,
            max_queued=self._max_queued,
            priority=PRIORITIES.index(priority),
            pulled=[replace(one, every=every or one.every, tags=list(tags)) for one in sources],
        )
        return job_id, documents

    def refresh(self, collection: Collection, document: Document) -> str:
        """Look at once whether what a document came from has changed. Returns the job.

        Raises InvalidRequest for what was handed in and came from nowhere, FetchRefused, Unavailable.
        """
        source = self._pulls.of(document)
        if document.source.startswith(URL) or (source is not None and source.kind == "crawl"):
            check_url(document.uri)
            page = replace(url_document(document.uri, ()), source=document.source)
            job_id, _, _ = self._queue.accept(collection, [page], max_queued=self._max_queued)
            return job_id
        if source is None:
            raise InvalidRequest(
                "it was uploaded: what it came from cannot be asked; upload it again", param="document_id"
            )
        return self._pulls.start(source, collection.tenant)

    def _file(self, file: File, tags: Sequence[str]) -> NewDocument:
        sha256 = self._blobs.put(file.stream, max_bytes=self._max_bytes)
        name = clean(file.name)
        return NewDocument(
            source=f"file:{name}",
            name=name,
            origin={"kind": "file", "sha256": sha256, "media_type": file.media_type, "uri": name},
            tags=list(tags),
            sha256=sha256,
        )
