"""Payloads and addresses as documents to be ingested."""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urldefrag

from indexes.blobs import Blobs
from indexes.records import NewDocument
from ingest.extract import MEDIA_TYPES, clean

URL = "url:"  # how the source of a web page begins; the digest of its address follows


@dataclass(frozen=True, kw_only=True)
class Payload:
    id: str
    title: str | None = None
    text: str | None = None
    data: dict[str, Any] | list[Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def payload_document(
    blobs: Blobs,
    payload: Payload,
    tags: Sequence[str],
    *,
    max_bytes: int,
    source: str | None = None,
    uri: str | None = None,
) -> NewDocument:
    """``source`` and ``uri`` if they are others than the payload's id. Raises TooLarge, StorageFull."""
    content = {"id": payload.id, "title": payload.title, "text": payload.text, "data": payload.data}
    sha256 = blobs.put(io.BytesIO(json.dumps(content, sort_keys=True).encode()), max_bytes=max_bytes)
    own = f"payload:{clean(payload.id)}"
    title = clean(payload.title) if payload.title else None
    return NewDocument(
        source=source or own,
        name=title or clean(payload.id),
        origin={
            "kind": "payload",
            "sha256": sha256,
            "media_type": MEDIA_TYPES["payload"],
            "uri": uri or own,
        },
        tags=list(tags),
        metadata=dict(payload.metadata),
        sha256=sha256,
        title=title,
    )


def url_document(url: str, tags: Sequence[str]) -> NewDocument:
    address = address_of(url)
    return NewDocument(
        source=f"{URL}{digest(address)}",
        name=address,
        origin={"kind": "url", "url": address, "uri": address},
        tags=list(tags),
    )


def address_of(url: str) -> str:
    """What is fetched: places within a page are one page."""
    return urldefrag(url).url


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
