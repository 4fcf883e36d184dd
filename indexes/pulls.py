"""Sources and their pulls: recorded, due, taken up, ended. Jobs count pulls as they count documents."""

import time
import uuid
from collections import Counter
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, delete, func, insert, select, update

from indexes import schema as s
from indexes.changes import lock
from indexes.collections import record as collection_record
from indexes.database import reading, writing
from indexes.endings import UNFINISHED, end_versions
from indexes.errors import (
    CollectionNotFound,
    EmbedderMismatch,
    SimurghError,
    SourceNotFound,
    StorageFull,
    Unavailable,
    UpstreamFailed,
)
from indexes.records import Collection, Document, NewSource, Pull, Source, StoredPage

# Why a version failed through no fault of its bytes.
PASSING = [one.code for one in (SimurghError, EmbedderMismatch, StorageFull, Unavailable, UpstreamFailed)]
WHAT_IS_STORED = [
    s.versions.c[name] for name in ("id", "sha256", "origin", "validators", "status", "error_code")
]
PULLED = "pulled"  # how the source of what a pull brought begins


class Pulls:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start_due(self, now: float) -> int:
        """A job with a pull for each source whose time has come; any number of workers may ask. Returns how
        many were started."""
        due = select(s.sources.c.id, s.sources.c.collection_id).where(s.sources.c.next_at <= now)
        with reading(self._engine) as db:
            rows = db.execute(due.order_by(s.sources.c.next_at).limit(100)).all()
        return sum(self._start(row.id, row.collection_id, now) for row in rows)

    def start(self, source: Source, tenant: str) -> str:
        """Pull a source now. Returns the job; that of the pull which runs already, if one does.

        Raises SourceNotFound."""
        with writing(self._engine) as db:
            row = db.execute(_select(tenant).where(s.sources.c.id == source.id)).one_or_none()
            if row is None:
                raise SourceNotFound(f"there is no source {source.id!r}", param="source_id")
            collection = collection_record(lock(db, row.collection_id))
            if (running := _running_job(db, source.id)) is not None:
                return running
            job_id = new_job(db, collection, total=0)
            start_pull(db, source.id, job_id)
        return job_id

    def _start(self, source_id: str, collection_id: str, now: float) -> bool:
        with writing(self._engine) as db:
            try:
                collection = collection_record(lock(db, collection_id))
            except CollectionNotFound:
                return False
            claimed = db.execute(
                update(s.sources)
                .where(s.sources.c.id == source_id, s.sources.c.next_at <= now)
                .values(next_at=now + s.sources.c.every)
            ).rowcount
            if not claimed or _running_job(db, source_id) is not None:
                return False  # another worker was quicker, or the last pull takes longer than it should
            start_pull(db, source_id, new_job(db, collection, total=0))
        return True

    def unfinished(self, *, limit: int) -> list[str]:
        with reading(self._engine) as db:
            query = select(s.pulls.c.id).where(s.pulls.c.status.in_(UNFINISHED))
            return list(db.execute(query.order_by(s.pulls.c.created_at).limit(limit)).scalars())

    def take(self, pull_id: str) -> Pull | None:
        """Mark a pull as being worked on; None when there is nothing left to do for it."""
        with writing(self._engine) as db:
            taken = db.execute(
                update(s.pulls)
                .where(s.pulls.c.id == pull_id, s.pulls.c.status.in_(UNFINISHED))
                .values(status="processing", attempts=s.pulls.c.attempts + 1)
                .returning(s.pulls.c.source_id, s.pulls.c.job_id, s.pulls.c.attempts)
            ).one_or_none()
            if taken is None:
                return None
            db.execute(
                update(s.jobs).where(s.jobs.c.id == taken.job_id).values(status="running", stage="pulling")
            )
            source = db.execute(_select(None).where(s.sources.c.id == taken.source_id)).one()
            collection = db.execute(
                select(s.collections).where(s.collections.c.id == source.collection_id)
            ).one()
        return Pull(
            id=pull_id,
            job_id=taken.job_id,
            collection=collection_record(collection),
            source=_record(source),
            key=source.key,
            attempts=taken.attempts,
        )

    def put_back(self, pull: Pull) -> None:
        """Take back the attempt that `take` counted: attempts are those that took a worker down."""
        with writing(self._engine) as db:
            db.execute(update(s.pulls).where(s.pulls.c.id == pull.id).values(attempts=s.pulls.c.attempts - 1))

    def end(
        self, pull: Pull, status: str, *, items: int = 0, code: str | None = None, error: str | None = None
    ) -> None:
        now = time.time()
        with writing(self._engine) as db:
            changed = db.execute(
                update(s.pulls)
                .where(s.pulls.c.id == pull.id, s.pulls.c.status.in_(UNFINISHED))
                .values(status=status, items=items, error_code=code, error=error, finished_at=now)
            ).rowcount
            if not changed:
                return
            values: dict[str, Any] = {"error": error}
            if status == "done":
                values["seen_at"] = now
            if pull.source.every is None and "headers" in pull.source.spec:
                values["spec"] = {**pull.source.spec, "headers": {}}  # they may hold secrets
            db.execute(update(s.sources).where(s.sources.c.id == pull.source.id).values(**values))
            end_versions(db, {pull.job_id: 1})

    def documents(self, pull: Pull) -> dict[str, str]:
        """Key of the source's items -> document, of those that are there."""
        prefix = item_source(pull.key, "")
        query = select(s.documents.c.id, s.documents.c.source).where(
            s.documents.c.collection_id == pull.collection.id,
            s.documents.c.source.startswith(prefix, autoescape=True),
            s.documents.c.deleted_at.is_(None),
        )
        with reading(self._engine) as db:
            return {row.source: row.id for row in db.execute(query)}

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
                s.versions.c.status.in_(("done", "failed", *UNFINISHED)),
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

    def page(self, collection: Collection) -> list[Source]:
        query = _select(collection.tenant).where(s.sources.c.collection_id == collection.id)
        with reading(self._engine) as db:
            return [
                _record(row) for row in db.execute(query.order_by(s.sources.c.created_at, s.sources.c.id))
            ]

    def get(self, tenant: str, source_id: str) -> Source:
        """Raises SourceNotFound."""
        with reading(self._engine) as db:
            row = db.execute(_select(tenant).where(s.sources.c.id == source_id)).one_or_none()
        if row is None:
            raise SourceNotFound(f"there is no source {source_id!r}", param="source_id")
        return _record(row)

    def of(self, document: Document) -> Source | None:
        """That which brought a document; None where none did."""
        kind, _, rest = document.source.partition(":")
        query = _select(None).where(
            s.sources.c.collection_id == document.collection_id, s.sources.c.key == rest.partition(":")[0]
        )
        with reading(self._engine) as db:
            row = db.execute(query).one_or_none()
        return None if row is None or kind != PULLED else _record(row)

    def forget(self, source: Source) -> None:
        """Pull it no more; what it brought stays. Raises nothing where it is gone already."""
        mine = s.pulls.c.source_id == source.id
        with writing(self._engine) as db:
            jobs = db.execute(
                update(s.pulls)
                .where(mine, s.pulls.c.status.in_(UNFINISHED))
                .values(status="cancelled")
                .returning(s.pulls.c.job_id)
            ).scalars()
            end_versions(db, dict.fromkeys(jobs, 1))
            db.execute(delete(s.pulls).where(mine))
            db.execute(delete(s.sources).where(s.sources.c.id == source.id))


def item_source(key: str, item_id: str) -> str:
    """What makes an item of a pulled source the same document."""
    return f"{PULLED}:{key}:{item_id}"


def record_source(db: Connection, collection: Collection, new: NewSource) -> str:
    """The collection's source of that key, as it is asked for now. Returns its id."""
    now = time.time()
    facts = {
        "kind": new.kind,
        "spec": new.spec,
        "tags": new.tags,
        "every": new.every,
        "next_at": None if new.every is None else now + new.every,
    }
    mine = and_(s.sources.c.collection_id == collection.id, s.sources.c.key == new.key)
    known: str | None = db.execute(
        update(s.sources).where(mine).values(**facts).returning(s.sources.c.id)
    ).scalar_one_or_none()
    if known is not None:
        return known
    source_id = uuid.uuid4().hex
    db.execute(
        insert(s.sources).values(
            id=source_id, collection_id=collection.id, key=new.key, created_at=now, **facts
        )
    )
    return source_id


def start_pull(db: Connection, source_id: str, job_id: str) -> None:
    """One more thing for the job to do. A pull of the source as it was asked for before is pointless now."""
    replaced = db.execute(
        update(s.pulls)
        .where(s.pulls.c.source_id == source_id, s.pulls.c.status.in_(UNFINISHED))
        .values(status="replaced", finished_at=time.time())
        .returning(s.pulls.c.job_id)
    ).scalars()
    end_versions(db, Counter(replaced))
    db.execute(
        insert(s.pulls).values(
            id=uuid.uuid4().hex,
            job_id=job_id,
            source_id=source_id,
            status="queued",
            attempts=0,
            items=0,
            created_at=time.time(),
        )
    )
    db.execute(update(s.jobs).where(s.jobs.c.id == job_id).values(total=s.jobs.c.total + 1))


def new_job(db: Connection, collection: Collection, *, total: int) -> str:
    job_id = uuid.uuid4().hex
    db.execute(
        insert(s.jobs).values(
            id=job_id,
            tenant=collection.tenant,
            collection_id=collection.id,
            status="queued",
            stage="queued",
            done=0,
            total=total,
            created_at=time.time(),
        )
    )
    return job_id


def require_room(db: Connection, count: int, max_queued: int) -> None:
    """Raises Unavailable when more than ``max_queued`` versions would wait."""
    waiting = db.execute(select(func.count()).where(s.versions.c.status.in_(UNFINISHED))).scalar_one()
    if waiting + count > max_queued:
        raise Unavailable(f"{waiting} documents wait already: try again later", retry_after=30)


def is_running(db: Connection, pull_id: str) -> bool:
    query = select(s.pulls.c.id).where(s.pulls.c.id == pull_id, s.pulls.c.status == "processing")
    return db.execute(query).first() is not None


def cancel_pulls(db: Connection, job_id: str) -> int:
    return db.execute(
        update(s.pulls)
        .where(s.pulls.c.job_id == job_id, s.pulls.c.status.in_(UNFINISHED))
        .values(status="cancelled", finished_at=time.time())
    ).rowcount


def _running_job(db: Connection, source_id: str) -> str | None:
    """The job of a pull of the source that has not ended, if there is one."""
    query = select(s.pulls.c.job_id).where(s.pulls.c.source_id == source_id, s.pulls.c.status.in_(UNFINISHED))
    job_id: str | None = db.execute(query.limit(1)).scalar_one_or_none()
    return job_id


def _select(tenant: str | None) -> Any:
    query = select(s.sources, s.collections.c.name.label("collection")).join(
        s.collections, s.collections.c.id == s.sources.c.collection_id
    )
    return query if tenant is None else query.where(s.collections.c.tenant == tenant)


def _record(row: Row[Any]) -> Source:
    return Source(
        id=row.id,
        collection=row.collection,
        kind=row.kind,
        spec=row.spec,
        tags=row.tags,
        every=row.every,
        next_at=row.next_at,
        seen_at=row.seen_at,
        error=row.error,
        created_at=row.created_at,
    )
