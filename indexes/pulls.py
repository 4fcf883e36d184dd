"""Sources and their pulls: recorded, due, taken up, ended. Jobs count pulls as they count documents."""

import time
import uuid
from collections import Counter
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, delete, insert, or_, select, update

from indexes import schema as s
from indexes.changes import lock
from indexes.collections import record as collection_record
from indexes.database import reading, writing
from indexes.endings import UNFINISHED, end_versions
from indexes.errors import CollectionNotFound, SourceNotFound
from indexes.records import Collection, Document, NewSource, Pull, Source
from indexes.turns import LOW, NORMAL, waiting_pulls

PULLED = "pulled"  # how the source of what a pull brought begins


class Pulls:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start_due(self, now: float) -> int:
        """A job with a pull for each source whose time has come; any number of workers may ask. Returns how
        many were started."""
        pulled = select(s.pulls.c.id).where(
            s.pulls.c.source_id == s.sources.c.id, s.pulls.c.status.in_(UNFINISHED)
        )
        due = select(s.sources.c.id, s.sources.c.collection_id).where(
            s.sources.c.next_at <= now,
            ~pulled.exists(),  # what is being pulled is due when that has ended
        )
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
            if _running_job(db, source_id) is not None:
                return False
            claimed = db.execute(
                update(s.sources)
                .where(s.sources.c.id == source_id, s.sources.c.next_at <= now)
                .values(next_at=now + s.sources.c.every)
            ).rowcount
            if not claimed:
                return False  # another worker was quicker
            start_pull(db, source_id, new_job(db, collection, total=0, priority=LOW))  # nobody waits for it
        return True

    def unfinished(self, *, limit: int) -> list[str]:
        """Ids of pulls that have not ended, whose turn is next first."""
        return waiting_pulls(self._engine, limit=limit)

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
        """``done`` with an ``error`` where some of it was left out."""
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

    def hasten(self, source_id: str, at: float) -> None:
        """Have a source pulled at ``at``, unless it is due before; seconds since the epoch."""
        later = or_(s.sources.c.next_at.is_(None), s.sources.c.next_at > at)
        with writing(self._engine) as db:
            db.execute(update(s.sources).where(s.sources.c.id == source_id, later).values(next_at=at))

    def of_kind(self, kind: str) -> list[Source]:
        """Whoever's they are."""
        with reading(self._engine) as db:
            return [_record(row) for row in db.execute(_select(None).where(s.sources.c.kind == kind))]

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


def new_job(db: Connection, collection: Collection, *, total: int, priority: int = NORMAL) -> str:
    job_id = uuid.uuid4().hex
    db.execute(
        insert(s.jobs).values(
            id=job_id,
            tenant=collection.tenant,
            collection_id=collection.id,
            status="queued",
            stage="queued",
            priority=priority,
            done=0,
            total=total,
            created_at=time.time(),
        )
    )
    return job_id


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
