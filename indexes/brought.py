"""Documents that a pulled source brought: what is known of them, seen again, found in another place."""

import time
from collections.abc import Sequence

from sqlalchemy import Engine, and_, or_, select, update

from indexes import schema as s
from indexes.changes import lock
from indexes.database import reading, writing
from indexes.endings import UNFINISHED
from indexes.errors import EmbedderMismatch, SimurghError, StorageFull, Unavailable, UpstreamFailed
from indexes.pulls import item_source
from indexes.records import Known, Moved, Pull, StoredPage

# Why a version failed through no fault of its bytes.
PASSING = [one.code for one in (SimurghError, EmbedderMismatch, StorageFull, Unavailable, UpstreamFailed)]
WHAT_IS_STORED = [
    s.versions.c[name] for name in ("id", "sha256", "origin", "validators", "status", "error_code")
]
TELLING = ("done", "failed", *UNFINISHED)  # versions that say what was made of what the source gave
BATCH = 500  # ids in one statement


class Brought:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def known(self, pull: Pull) -> dict[str, Known]:
        """Key of the source's items -> document, of those that are there."""
        prefix = item_source(pull.key, "")
        version = s.versions.c
        query = (
            select(
                s.documents.c.id,
                s.documents.c.source,
                version.status,
                version.error_code,
                version.sha256,
                version.validators,
            )
            .outerjoin(s.versions, and_(version.document_id == s.documents.c.id, version.status.in_(TELLING)))
            .where(
                s.documents.c.collection_id == pull.collection.id,
                s.documents.c.source.startswith(prefix, autoescape=True),
                s.documents.c.deleted_at.is_(None),
            )
            .order_by(version.created_at, version.ordinal)  # so that the newest is the last
        )
        with reading(self._engine) as db:
            return {
                row.source: Known(
                    document_id=row.id,
                    status=row.status,
                    error_code=row.error_code,
                    sha256=row.sha256,
                    validators=row.validators or {},
                )
                for row in db.execute(query)
            }

    def stored_page(self, pull: Pull, source: str) -> StoredPage | None:
        """The newest of a pulled page whose bytes are stored, whether it answers, waits or could not be
        read."""
        asked = s.versions.c.origin["url"].as_string()
        query = (
            select(*WHAT_IS_STORED, s.documents.c.version_id, s.documents.c.seen_at)
            .join(s.documents, s.documents.c.id == s.versions.c.document_id)
            .where(
                s.documents.c.collection_id == pull.collection.id,
                s.documents.c.source == source,
                s.documents.c.deleted_at.is_(None),
                s.versions.c.status.in_(TELLING),
                s.versions.c.sha256.is_not(None),
                asked.is_not(None),
            )
            .order_by(s.versions.c.created_at.desc(), s.versions.c.ordinal.desc())
        )
        with reading(self._engine) as db:
            row = db.execute(query.limit(1)).one_or_none()
        if row is None:
            return None
        return StoredPage(
            sha256=row.sha256,
            url=row.origin["url"],
            content_type=row.origin.get("media_type"),
            validators=row.validators or row.origin.get("validators", {}),
            unreadable=row.status == "failed" and row.error_code not in PASSING,
            seen_at=row.seen_at if row.version_id == row.id else None,
        )

    def saw(self, document_ids: Sequence[str], tags: Sequence[str]) -> None:
        """Their source says now what is stored of them; they take its tags, if it has any."""
        facts = {"seen_at": time.time(), **({"tags": list(tags)} if tags else {})}
        for at in range(0, len(document_ids), BATCH):
            some = s.documents.c.id.in_(document_ids[at : at + BATCH])
            with writing(self._engine) as db:
                db.execute(update(s.documents).where(some).values(**facts))

    def move(self, pull: Pull, moved: Moved) -> bool:
        """The document is what its source now holds elsewhere; nothing is read or embedded again.

        False when it was deleted or taken away meanwhile."""
        item = moved.item
        with writing(self._engine) as db:
            lock(db, pull.collection.id)
            mine = and_(
                s.documents.c.id == moved.document_id,
                s.documents.c.collection_id == pull.collection.id,
                s.documents.c.deleted_at.is_(None),
            )
            old = db.execute(select(s.documents.c.name, s.documents.c.version_id).where(mine)).one_or_none()
            if old is None:
                return False
            db.execute(
                update(s.documents)
                .where(mine)
                .values(source=item.source, name=item.name, tags=item.tags, seen_at=time.time())
            )
            answering = s.versions.c.id == old.version_id
            db.execute(
                update(s.versions)
                .where(answering)
                .values(origin=item.origin, validators=dict(item.validators) or None)
            )
            named = or_(s.versions.c.title == old.name, s.versions.c.title.is_(None))  # for want of a title
            db.execute(update(s.versions).where(answering, named).values(title=item.name))
        return True
