"""Whether what is stored is whole: every text, span, vector and byte where the rows say that it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, select

from indexes import schema as s
from indexes.blobs import Blobs, sha256_of
from indexes.database import reading
from indexes.errors import DocumentNotFound
from indexes.spaces import current_vector

FLOAT = 4  # bytes
ANSWERING = s.documents.c.deleted_at.is_(None) & s.documents.c.version_id.is_not(None)


@dataclass(kw_only=True)
class Verified:
    documents: int = 0
    chunks: int = 0
    problems: list[str] = field(default_factory=list)


def verify(engine: Engine, blobs: Blobs) -> Verified:
    """Reads everything once, beside a running service. A document at a time: on SQLite whoever reads keeps
    others from writing. Raises Unavailable."""
    found = Verified()
    with reading(engine) as db:
        found.problems += [*_database(db), *_deleted(db)]
        documents = db.execute(select(s.documents.c.id).where(ANSWERING)).scalars().all()
    for document_id in documents:
        with reading(engine) as db:
            row = db.execute(_answering(document_id)).one_or_none()
            if row is None:
                continue  # it was deleted meanwhile
            chunks = db.execute(_chunks(row.version_id)).all()
        found.documents += 1
        found.chunks += len(chunks)
        found.problems += [*_text(document_id, row.text, chunks), *_bytes(document_id, row.sha256, blobs)]
    return found


def _database(db: Connection) -> Iterator[str]:
    if db.dialect.name == "sqlite":
        for (line,) in db.exec_driver_sql("PRAGMA integrity_check"):
            if line != "ok":
                yield f"the database is damaged: {line}"


def _answering(document_id: str) -> Select[Any]:
    return (
        select(s.documents.c.version_id, s.versions.c.sha256, s.versions.c.text)
        .outerjoin(s.versions, s.versions.c.id == s.documents.c.version_id)
        .where(s.documents.c.id == document_id, ANSWERING)
    )


def _chunks(version_id: str) -> Select[Any]:
    return (
        select(s.chunks.c.id, s.chunks.c.start, s.chunks.c.end, s.chunks.c.text)
        .add_columns(current_vector().label("vector"))
        .add_columns(s.collections.c.dim, s.documents.c.collection_id, s.chunks.c.collection_id.label("held"))
        .join(s.documents, s.documents.c.id == s.chunks.c.document_id)
        .join(s.collections, s.collections.c.id == s.documents.c.collection_id)
        .where(s.chunks.c.version_id == version_id, s.chunks.c.dead_seq.is_(None))
    )


def _text(document_id: str, text: str | None, chunks: Sequence[Row[Any]]) -> Iterator[str]:
    if text is None:
        yield f"document {document_id} has no text"
        return
    for row in chunks:
        if row.text != text[row.start : row.end]:
            yield f"chunk {row.id} of document {document_id} is not what stands in its text"
        if len(row.vector) != row.dim * FLOAT:
            yield f"chunk {row.id} of document {document_id} has a vector of another length"
        if row.held != row.collection_id:
            yield f"chunk {row.id} of document {document_id} lies in another collection"


def _bytes(document_id: str, sha256: str | None, blobs: Blobs) -> Iterator[str]:
    if sha256 is None:
        yield f"document {document_id} does not know its bytes"
        return
    try:
        if sha256_of(blobs.existing(sha256)) != sha256:
            yield f"the bytes of document {document_id} are damaged"
    except DocumentNotFound:
        yield f"the bytes of document {document_id} are gone"


def _deleted(db: Connection) -> Iterator[str]:
    gone = s.documents.c.deleted_at.is_not(None)
    alive = (
        select(s.documents.c.id)
        .join(s.chunks, s.chunks.c.document_id == s.documents.c.id)
        .where(gone, s.chunks.c.dead_seq.is_(None))
        .distinct()
    )
    told = (
        select(s.documents.c.id)
        .join(s.versions, s.versions.c.document_id == s.documents.c.id)
        .where(gone, s.versions.c.text.is_not(None))
        .distinct()
    )
    left = (
        select(s.documents.c.id)
        .join(s.chunks, s.chunks.c.document_id == s.documents.c.id)
        .where(s.documents.c.purged_at.is_not(None))
        .distinct()
    )
    for query, what in (
        (alive, "still answers"),
        (told, "still has its text"),
        (left, "was not purged whole"),
    ):
        for document_id in db.execute(query).scalars():
            yield f"deleted document {document_id} {what}"
