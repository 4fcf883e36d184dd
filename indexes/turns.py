"""Whose turn it is: in what order waiting documents and pulls are worked on, and how many may wait.

Between tenants it goes turn by turn, however much one of them hands in; within a tenant by priority, then by
age.
"""

from collections.abc import Sequence
from itertools import chain, islice, zip_longest
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Engine, func, select

from indexes import schema as s
from indexes.database import reading
from indexes.endings import UNFINISHED
from indexes.errors import QueueFull

Priority = Literal["high", "normal", "low"]
PRIORITIES: tuple[Priority, ...] = get_args(Priority)  # recorded by their place here
NORMAL, LOW = 1, 2


def waiting_versions(engine: Engine, *, limit: int) -> list[str]:
    """Ids of accepted versions that have not ended, whose turn is next first; one of each tenant at least."""
    order = (s.versions.c.priority, s.versions.c.created_at, s.versions.c.ordinal)
    with reading(engine) as db:
        tenants = db.execute(select(s.versions.c.tenant).where(s.WAITING).distinct()).scalars().all()
        share = _share(limit, len(tenants))
        lines = [
            db.execute(
                select(s.versions.c.id)
                .where(s.WAITING, s.versions.c.tenant == tenant)
                .order_by(*order)
                .limit(share)
            )
            .scalars()
            .all()
            for tenant in sorted(tenants)
        ]
    return _turn_by_turn(lines, limit)


def waiting_pulls(engine: Engine, *, limit: int) -> list[str]:
    """Likewise; pulls are few."""
    query = (
        select(s.pulls.c.id, s.jobs.c.tenant)
        .join(s.jobs, s.jobs.c.id == s.pulls.c.job_id)
        .where(s.pulls.c.status.in_(UNFINISHED))
        .order_by(s.jobs.c.priority, s.pulls.c.created_at)
    )
    lines: dict[str, list[str]] = {}
    with reading(engine) as db:
        for row in db.execute(query):
            lines.setdefault(row.tenant, []).append(row.id)
    return _turn_by_turn([lines[tenant] for tenant in sorted(lines)], limit)


def waiting_of(db: Connection, tenant: str) -> int:
    """How many of the tenant's versions wait or are worked on."""
    count = select(func.count()).select_from(s.versions).where(s.WAITING, s.versions.c.tenant == tenant)
    return db.execute(count).scalar_one()


def require_room(db: Connection, tenant: str, count: int, max_queued: int) -> None:
    """Raises QueueFull when more than ``max_queued`` versions of the tenant would wait."""
    waiting = waiting_of(db, tenant)
    if waiting + count > max_queued:
        raise QueueFull(f"{waiting} documents wait already: try again later", retry_after=30)


def _share(limit: int, tenants: int) -> int:
    return max(1, -(-limit // max(1, tenants)))


def _turn_by_turn(lines: Sequence[Sequence[Any]], limit: int) -> list[str]:
    turns = (one for one in chain.from_iterable(zip_longest(*lines)) if one is not None)
    return list(islice(turns, max(limit, len(lines))))
