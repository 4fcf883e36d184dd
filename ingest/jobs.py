"""Handing sources in: the bytes are stored, the rows committed, and only then is it acknowledged.

The rows are the queue's source of truth; the worker moves them on to DBOS, so nothing is lost between
two databases.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import urldefrag

from indexes.blobs import Blobs
from indexes.queue import Queue
from indexes.records import Collection, JobDocument, NewDocument
from ingest.extract import MEDIA_TYPES, clean
from ingest.fetch import check_url


@dataclass(frozen=True, kw_only=True)
class File:
    name: str
    media_type: str | None
    stream: BinaryIO


@dataclass(frozen=True, kw_only=True)
class Payload:
    id: str
    title: str | None = None
    text: str | None = None
    data: dict[str, Any] | list[Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


class Jobs:
    def __init__(self, queue: Queue, blobs: Blobs, *, max_bytes: int, max_queued: int) -> None:
        self._queue = queue
        self._blobs = blobs
        self._max_bytes = max_bytes
        self._max_queued = max_queued

    def submit(
        self,
        collection: Collection,
        *,
        files: Sequence[File] = (),
        urls: Sequence[str] = (),
        payloads: Sequence[Payload] = (),
        tags: Sequence[str] = (),
    ) -> tuple[str, list[JobDocument]]:
        """Returns the job's id and its documents. Raises FetchRefused, TooLarge, StorageFull, Unavailable."""
        for url in urls:
            check_url(url)  # what can never be fetched is refused at once
        new = [
            *(self._file(file, tags) for file in files),
            *(_url(url, tags) for url in urls),
            *(self._payload(payload, tags) for payload in payloads),
        ]
        job_id, documents, _versions = self._queue.accept(collection, new, max_queued=self._max_queued)
        return job_id, documents

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

    def _payload(self, payload: Payload, tags: Sequence[str]) -> NewDocument:
        content = {"id": payload.id, "title": payload.title, "text": payload.text, "data": payload.data}
        canonical = json.dumps(content, sort_keys=True).encode()
        sha256 = self._blobs.put(io.BytesIO(canonical), max_bytes=self._max_bytes)
        title = clean(payload.title) if payload.title else None
        return NewDocument(
            source=f"payload:{clean(payload.id)}",
            name=title or clean(payload.id),
            origin={
                "kind": "payload",
                "sha256": sha256,
                "media_type": MEDIA_TYPES["payload"],
                "uri": f"payload:{clean(payload.id)}",
            },
            tags=list(tags),
            metadata=payload.metadata,
            sha256=sha256,
            title=title,
        )


def _url(url: str, tags: Sequence[str]) -> NewDocument:
    address = urldefrag(url).url
    return NewDocument(
        source=f"url:{hashlib.sha256(address.encode()).hexdigest()}",
        name=address,
        origin={"kind": "url", "url": address, "uri": address},
        tags=list(tags),
    )
