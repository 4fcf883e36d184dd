"""Documents whose last reading failed: listed with their reasons, and tried again."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Select, select

from indexes import schema as s
from indexes.changes import lock
from indexes.database import reading, writing
from indexes.errors import InvalidRequest
from indexes.intake import enter
from indexes.paging import page_of
from indexes.pulls import new_job
from indexes.records import Collection, Failure, JobDocument, NewDocument, Page
from indexes.turns import NORMAL, require_room


class Failures:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, collection: Collection, *, limit: int, after: str | None) -> Page[Failure]:
        """Newest first. ``after``: a document's id. Raises InvalidRequest."""
        with reading(self._engine) as db:
            rows = page_of(
                db,
                _failed(collection),
                moment=s.versions.c.finished_at,
                id_=s.documents.c.id,
                limit=limit,
                after=after,
                what="failure",
                newest_first=True,
            )
        return rows.of(
            lambda row: Failure(
                document_id=row.document_id,
                name=row.name,
                job_id=row.job_id,
                code=row.error_code,
                reason=row.error,
                failed_at=row.finished_at,
                answers=row.version_id is not None,
            )
        )

    def retry(
        self, collection: Collection, documents: Sequence[str] | None, *, max_queued: int
    ) -> tuple[str, list[JobDocument]]:
        """Read failed documents again, all of them where none are named. Returns the job and its documents.

        Raises InvalidRequest for a document that has not failed, QueueFull, CollectionNotFound."""
        query = _failed(collection)
        if documents is not None:
            query = query.where(s.documents.c.id.in_(documents))
        with writing(self._engine) as db:
            lock(db, collection.id)
            rows = {row.document_id: row for row in db.execute(query.order_by(s.versions.c.finished_at))}
            for asked in documents or ():
                if asked not in rows:
                    raise InvalidRequest(f"no document {asked!r} has failed here", param="documents")
            require_room(db, collection.tenant, len(rows), max_queued)
            job_id = new_job(db, collection, total=len(rows))
            entered, _ = enter(
                db, collection, job_id, [_again(row) for row in rows.values()], priority=NORMAL
            )
        return job_id, entered


def _failed(collection: Collection) -> Select[Any]:
    """The last version of each live document of which it failed."""
    newer = s.versions.alias("newer")
    later = select(newer.c.id).where(
        newer.c.document_id == s.versions.c.document_id,
        newer.c.created_at > s.versions.c.created_at,
        newer.c.status != "cancelled",
    )
    facts = [s.documents.c[name] for name in ("name", "source", "tags", "metadata", "version_id")]
    parts = ("document_id", "job_id", "error_code", "error", "finished_at", "origin", "sha256", "title")
    return (
        select(*facts, *(s.versions.c[name] for name in parts))
        .join(s.documents, s.documents.c.id == s.versions.c.document_id)
        .where(s.documents.c.collection_id == collection.id, s.documents.c.deleted_at.is_(None))
        .where(s.versions.c.status == "failed", ~later.exists())
    )


def _again(row: Any) -> NewDocument:
    return NewDocument(
        source=row.source,
        name=row.name,
        origin=row.origin,
        tags=row.tags,
        metadata=row.metadata,
        sha256=row.sha256,
        title=row.title,
    )
