"""How versions, pulls and re-embeddings end, and with the last their job: in the caller's transaction."""

import time
from collections import Counter
from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, func, select, update

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
    jobs = s.jobs.c
    row = db.execute(select(jobs.status, jobs.total, jobs.done).where(jobs.id == job_id)).one()
    if row.done < row.total or row.status not in ("queued", "running"):
        return
    failed = sum(
        db.execute(
            select(func.count()).where(table.c.job_id == job_id, table.c.status == "failed")
        ).scalar_one()
        for table in (s.versions, s.pulls, s.re_embeddings)
    )
    status = "failed" if failed == row.total and row.total else "succeeded"
    db.execute(
        update(s.jobs)
        .where(s.jobs.c.id == job_id)
        .values(status=status, stage=status, finished_at=time.time())
    )
