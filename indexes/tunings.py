"""Tunings: asked for, taken up, ended, and told of meanwhile."""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from indexes import schema as s
from indexes.database import reading, writing
from indexes.errors import Conflict, InvalidRequest, TuningNotFound
from indexes.paging import page_of
from indexes.records import Page
from indexes.tuning_records import NewTuning, Tuning, TuningEvent, TuningOptions

UNENDED = ("queued", "validating_files", "running")
T, E = s.tunings, s.tuning_events


class Tunings:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start(self, tenant: str, asked: NewTuning) -> Tuning:
        row = {
            **asdict(asked),
            "id": f"ftjob-{uuid.uuid4().hex}",
            "tenant": tenant,
            "status": "queued",
            "results": [],
            "created_at": time.time(),
        }
        with writing(self._engine) as db:
            made = db.execute(insert(T).values(row).returning(T)).one()
            _tell(db, made.id, "queued")
        return _record(made)

    def get(self, tenant: str, tuning_id: str) -> Tuning:
        """Raises TuningNotFound."""
        with reading(self._engine) as db:
            row = db.execute(select(T).where(T.c.tenant == tenant, T.c.id == tuning_id)).one_or_none()
        if row is None:
            raise TuningNotFound(f"there is no tuning {tuning_id!r}: see GET /v1/fine_tuning/jobs")
        return _record(row)

    def page(self, tenant: str, *, limit: int, after: str | None) -> Page[Tuning]:
        """Newest first. Raises InvalidRequest."""
        with reading(self._engine) as db:
            rows = page_of(
                db,
                select(T).where(T.c.tenant == tenant),
                moment=T.c.created_at,
                id_=T.c.id,
                limit=limit,
                after=after,
                what="tuning",
                newest_first=True,
            )
        return rows.of(_record)

    def cancel(self, tenant: str, tuning_id: str) -> Tuning:
        """Whoever works on it stops within a second or two. Raises TuningNotFound, Conflict after its end."""
        found = self.get(tenant, tuning_id)
        if not self._end(found.id, "cancelled", "cancelled"):
            raise Conflict(
                f"it has ended already: it is {self.get(tenant, tuning_id).status}", code="already_ended"
            )
        return self.get(tenant, tuning_id)

    # -- for whoever works on them

    def unfinished(self, *, limit: int) -> list[str]:
        """Ids, oldest first."""
        query = select(T.c.id).where(T.c.status.in_(UNENDED)).order_by(T.c.created_at, T.c.id)
        with reading(self._engine) as db:
            return list(db.execute(query.limit(limit)).scalars())

    def take(self, tuning_id: str) -> Tuning | None:
        """None when it has ended."""
        query = select(T).where(T.c.id == tuning_id, T.c.status.in_(UNENDED))
        with reading(self._engine) as db:
            row = db.execute(query).one_or_none()
        return None if row is None else _record(row)

    def is_over(self, tuning_id: str) -> bool:
        return self.take(tuning_id) is None

    def set_status(self, tuning_id: str, status: str, message: str) -> None:
        """Of one that has not ended."""
        changed = update(T).where(T.c.id == tuning_id, T.c.status.in_(UNENDED), T.c.status != status)
        with writing(self._engine) as db:
            if db.execute(changed.values(status=status)).rowcount:
                _tell(db, tuning_id, message)

    def tell(
        self,
        tuning_id: str,
        message: str,
        *,
        level: str = "info",
        kind: str = "message",
        data: Mapping[str, Any] | None = None,
        at: float | None = None,
    ) -> None:
        with writing(self._engine) as db:
            _tell(db, tuning_id, message, level=level, kind=kind, data=data, at=at)

    def succeed(
        self, tuning_id: str, message: str, *, figures: Mapping[str, float], results: Sequence[str]
    ) -> None:
        self._end(tuning_id, "succeeded", message, figures=dict(figures), results=list(results))

    def fail(
        self, tuning_id: str, *, code: str, message: str, param: str | None, results: Sequence[str] = ()
    ) -> None:
        values = {"error_code": code, "error": message, "error_param": param, "results": list(results)}
        self._end(tuning_id, "failed", message, level="error", **values)

    def _end(self, tuning_id: str, status: str, message: str, *, level: str = "info", **values: Any) -> bool:
        """False when it has ended already: it ends once."""
        ended = update(T).where(T.c.id == tuning_id, T.c.status.in_(UNENDED))
        with writing(self._engine) as db:
            if not db.execute(ended.values(status=status, finished_at=time.time(), **values)).rowcount:
                return False
            _tell(db, tuning_id, message, level=level)
        return True

    # -- what happened

    def events(
        self, tuning: Tuning, *, limit: int, after: str | None, kinds: Sequence[str]
    ) -> Page[TuningEvent]:
        """Newest first; ``after``: an event's number. Raises InvalidRequest."""
        query = select(E).where(E.c.tuning_id == tuning.id, E.c.kind.in_(kinds))
        if after is not None:
            if not after.isdecimal():
                raise InvalidRequest(f"there is no event {after!r} to list after", param="after")
            query = query.where(E.c.number < int(after))
        with reading(self._engine) as db:
            rows = db.execute(query.order_by(E.c.number.desc()).limit(limit + 1)).all()
        return Page(data=[_event(row) for row in rows[:limit]], has_more=len(rows) > limit)


def _tell(
    db: Connection,
    tuning_id: str,
    message: str,
    *,
    level: str = "info",
    kind: str = "message",
    data: Mapping[str, Any] | None = None,
    at: float | None = None,
) -> None:
    row = {
        "tuning_id": tuning_id,
        "at": time.time() if at is None else at,
        "level": level,
        "kind": kind,
        "message": message,
        "data": dict(data or {}),
    }
    db.execute(insert(E).values(row))


def _record(row: Row[Any]) -> Tuning:
    values = dict(row._mapping)
    return Tuning(**{**values, "options": TuningOptions(**values["options"])})


def _event(row: Row[Any]) -> TuningEvent:
    return TuningEvent(
        number=row.number, at=row.at, level=row.level, kind=row.kind, message=row.message, data=row.data
    )
