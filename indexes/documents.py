"""Documents as users see them: listed, read, deleted."""

import time
from typing import Any

from sqlalchemy import Engine, Row, func, select, update

from indexes import schema as s
from indexes.changes import lock, next_seq, require_here, retire
from indexes.database import reading, writing
from indexes.endings import end_unfinished
from indexes.errors import DocumentNotFound
from indexes.paging import page_of
from indexes.records import Collection, Deletion, Document, Page


class Documents:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, tenant: str, document_id: str) -> Document:
        """Raises DocumentNotFound, for another tenant's document too."""
        with reading(self._engine) as db:
            row = db.execute(_select(tenant).where(s.documents.c.id == document_id)).one_or_none()
        if row is None:
            raise DocumentNotFound(f"there is no document {document_id!r}", param="document_id")
        return _record(row)

    def page(self, collection: Collection, *, limit: int, after: str | None) -> Page[Document]:
        with reading(self._engine) as db:
            return page_of(
                db,
                _select(collection.tenant).where(s.collections.c.id == collection.id),
                moment=s.documents.c.created_at,
                id_=s.documents.c.id,
                limit=limit,
                after=after,
                what="document",
            ).of(_record)

    def text(self, document: Document) -> str:
        """The stored text that all offsets count in. Raises DocumentNotFound while there is none."""
        return self.paged_text(document)[0]

    def paged_text(self, document: Document) -> tuple[str, list[int]]:
        """The stored text and the offset at which each of its pages starts; no offsets where there are no
        pages. Raises DocumentNotFound while there is none."""
        with reading(self._engine) as db:
            row = db.execute(
                select(s.versions.c.text, s.versions.c.page_starts)
                .join(s.documents, s.documents.c.version_id == s.versions.c.id)
                .where(s.documents.c.id == document.id, s.documents.c.deleted_at.is_(None))
            ).one_or_none()
        if row is None or row.text is None:
            raise DocumentNotFound(f"document {document.id!r} has no text yet: it is {document.status}")
        return str(row.text), list(row.page_starts or ())

    def delete(self, document: Document) -> None:
        """At return no search and no read finds the text; what is in the queue will not be committed."""
        with writing(self._engine) as db:
            lock(db, document.collection_id)
            require_here(db, document)
            seq = next_seq(db, document.collection_id)
            retire(db, document.collection_id, document.id, seq)
            end_unfinished(db, s.versions.c.document_id == document.id, "cancelled")
            db.execute(update(s.versions).where(s.versions.c.document_id == document.id).values(text=None))
            db.execute(
                update(s.documents)
                .where(s.documents.c.id == document.id)
                .values(deleted_at=time.time(), version_id=None)
            )

    def deletions(self, collection: Collection, *, limit: int, after: str | None) -> Page[Deletion]:
        """What was deleted, newest first, and since when nothing of it is left."""
        deleted = (s.documents.c.collection_id == collection.id) & s.documents.c.deleted_at.is_not(None)
        columns = (s.documents.c.id, s.documents.c.deleted_at, s.documents.c.purged_at)
        with reading(self._engine) as db:
            return page_of(
                db,
                select(*columns).where(deleted),
                moment=s.documents.c.deleted_at,
                id_=s.documents.c.id,
                limit=limit,
                after=after,
                what="deletion",
                newest_first=True,
            ).of(lambda row: Deletion(document_id=row.id, deleted_at=row.deleted_at, purged_at=row.purged_at))


def _select(tenant: str) -> Any:
    """Live documents with their newest version and the one that answers."""
    newest = (
        select(s.versions.c.id)
        .where(s.versions.c.document_id == s.documents.c.id)
        .order_by(s.versions.c.created_at.desc(), s.versions.c.ordinal.desc(), s.versions.c.id.desc())
        .limit(1)
        .correlate(s.documents)
        .scalar_subquery()
    )
    answering = s.versions.alias("answering")
    count = (
        select(func.count())
        .where(s.chunks.c.document_id == s.documents.c.id, s.chunks.c.dead_seq.is_(None))
        .correlate(s.documents)
        .scalar_subquery()
    )
    return (
        select(
            s.documents,
            s.collections.c.name.label("collection"),
            s.versions.c.status,
            s.versions.c.error,
            s.versions.c.error_code,
            s.versions.c.origin,
            func.coalesce(answering.c.title, s.versions.c.title).label("title"),
            func.coalesce(answering.c.media_type, s.versions.c.media_type).label("media_type"),
            func.coalesce(answering.c.sha256, s.versions.c.sha256).label("sha256"),
            func.coalesce(s.versions.c.finished_at, s.versions.c.created_at).label("updated_at"),
            answering.c.page_starts,
            answering.c.unread_pages,
            count.label("chunks"),
        )
        .join(s.collections, s.collections.c.id == s.documents.c.collection_id)
        .join(s.versions, s.versions.c.id == newest)
        .outerjoin(answering, answering.c.id == s.documents.c.version_id)
        .where(s.collections.c.tenant == tenant, s.documents.c.deleted_at.is_(None))
    )


def _record(row: Row[Any]) -> Document:
    return Document(
        id=row.id,
        collection_id=row.collection_id,
        collection=row.collection,
        name=row.name,
        title=row.title,
        source=row.source,
        uri=row.origin.get("uri", row.source),
        media_type=row.media_type,
        tags=row.tags,
        metadata=row.metadata,
        status=row.status,
        error=row.error,
        error_code=row.error_code,
        pages=len(row.page_starts) if row.page_starts else None,
        unread_pages=tuple(row.unread_pages or ()),
        chunks=row.chunks,
        sha256=row.sha256,
        created_at=row.created_at,
        updated_at=row.updated_at,
        seen_at=row.seen_at,
    )
