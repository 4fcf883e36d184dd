"""How versions, pulls and re-embeddings end, and with the last their job: in the caller's transaction."""

import time
from collections import Counter
from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, case, func, select, update

from indexes import schema as s

UNFINISHED = ("queued", "processing")


def end_unfinished(db: Connection, which: ColumnElement[bool], status: str) -> None:
    """End versions that nobody waits for any more, and count them in their jobs."""
    end_versions(db, end_waiting(db, which, status))


def end_waiting(db: Connection, which: ColumnElement[bool], status: str) -> Counter[str]:
    """How many versions were ended, by job."""
    return Counter(
        db.execute(
            update(s.versions)
            .where(which, s.versions.c.status.in_(UNFINISHED))
            .values(status=status, finished_at=time.time())
            .returning(s.versions.c.job_id)
        ).scalars()
    )


def end_versions(db: Connection, ended: Mapping[str, int]) -> None:
    """``ended`` versions, pulls and re-embeddings of each job; jobs are locked in the order of their ids."""
    for job_id in sorted(ended):
        db.execute(update(s.jobs).where(s.jobs.c.id == job_id).values(done=s.jobs.c.done + ended[job_id]))
        settle_job(db, job_id)


def settle_job(db: Connection, job_id: str) -> None:
    """End the job when its last document has: failed only when every document of it failed."""
    others = [
        select(func.count()).where(one.c.job_id == job_id, one.c.status == "failed").scalar_subquery()
        for one in (s.pulls, s.re_embeddings)
    ]
    row = db.execute(
        select(
            s.jobs.c.status,
            s.jobs.c.total,
            s.jobs.c.done,
            sum(others, func.count(case((s.versions.c.status == "failed", 1)))).label("failed"),
        )
        .outerjoin(s.versions, s.versions.c.job_id == s.jobs.c.id)
        .where(s.jobs.c.id == job_id)
        .group_by(s.jobs.c.id)
    ).one()
    if row.done >= row.total and row.status in ("queued", "running"):
        status = "failed" if row.failed == row.total and row.total else "succeeded"
        db.execute(
            update(s.jobs)
            .where(s.jobs.c.id == job_id)
            .values(status=status, stage=status, finished_at=time.time())
        )
