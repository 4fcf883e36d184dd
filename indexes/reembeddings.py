"""Re-embeddings: asked for, taken up, ended. Jobs count them as they count pulls."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, Engine, and_, insert, or_, select, update

from indexes import schema as s
from indexes.changes import lock
from indexes.collections import embedder_values, identity_of
from indexes.collections import record as collection_record
from indexes.database import reading, writing
from indexes.endings import UNFINISHED, end_versions, settle_job
from indexes.errors import Conflict, Unavailable
from indexes.pulls import new_job
from indexes.records import Collection, EmbedderIdentity, ReEmbedding

KEEP_FAILED = 7 * 86_400.0  # seconds that the vectors of a failed one are kept for another try
R = s.re_embeddings


class ReEmbeddings:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start(self, collection: Collection, target: EmbedderIdentity) -> str:
        """Returns the job: that of one on its way to the same model, if there is one; one that has ended
        already where the collection is embedded so. What a failed one has embedded is not embedded again.

        Raises Conflict while it is on its way to another model, Unavailable while the last one's vectors are
        put in place, CollectionNotFound."""
        with writing(self._engine) as db:
            now = identity_of(lock(db, collection.id))
            left = db.execute(
                select(R).where(R.c.collection_id == collection.id, R.c.cleared_at.is_(None))
            ).all()
            for row in left:
                if row.status in UNFINISHED:
                    if identity_of(row) == target:
                        return str(row.job_id)
                    raise Conflict(
                        f"it is being re-embedded with {row.embedder}: cancel job {row.job_id} first"
                    )
            if now == target:
                job_id = new_job(db, collection, total=0)
                settle_job(db, job_id)
                return job_id
            if any(row.status == "done" for row in left):
                raise Unavailable("the vectors of the last re-embedding are still being put in place")
            job_id = new_job(db, collection, total=1)
            failed = [row for row in left if row.status == "failed"]
            again = next((row for row in failed if identity_of(row) == target), None)
            for row in failed:
                if row is not again:
                    db.execute(update(R).where(R.c.id == row.id).values(status="cancelled"))
            fresh = {"status": "queued", "job_id": job_id, "attempts": 0, "error": None, "error_code": None}
            if again is not None:
                db.execute(update(R).where(R.c.id == again.id).values(**fresh, finished_at=None))
            else:
                made = {"id": uuid.uuid4().hex, "collection_id": collection.id, "created_at": time.time()}
                db.execute(insert(R).values(**fresh, **made, **embedder_values(target)))
        return job_id

    def waiting(self, *, limit: int) -> list[str]:
        """Ids of those that have not ended, or whose vectors have yet to be put in place or dropped."""
        ended = or_(
            R.c.status.in_(("done", "cancelled")),
            and_(R.c.status == "failed", R.c.finished_at < time.time() - KEEP_FAILED),
        )
        query = select(R.c.id).where(R.c.cleared_at.is_(None), or_(R.c.status.in_(UNFINISHED), ended))
        with reading(self._engine) as db:
            return list(db.execute(query.order_by(R.c.created_at).limit(limit)).scalars())

    def take(self, work_id: str) -> ReEmbedding | None:
        """One that has not ended is marked as being worked on; None when there is nothing left to do."""
        with writing(self._engine) as db:
            db.execute(
                update(R)
                .where(R.c.id == work_id, R.c.status.in_(UNFINISHED))
                .values(status="processing", attempts=R.c.attempts + 1)
            )
            row = db.execute(select(R).where(R.c.id == work_id, R.c.cleared_at.is_(None))).one_or_none()
            if row is None:
                return None
            if row.status == "processing":
                _tell(db, row.job_id, "embedding")
            collection = db.execute(
                select(s.collections).where(s.collections.c.id == row.collection_id)
            ).one()
        return ReEmbedding(
            id=work_id,
            job_id=row.job_id,
            collection=collection_record(collection),
            target=identity_of(row),
            status=row.status,
            attempts=row.attempts,
        )

    def put_back(self, work: ReEmbedding) -> None:
        """Take back the attempt that `take` counted."""
        with writing(self._engine) as db:
            db.execute(update(R).where(R.c.id == work.id, R.c.attempts > 0).values(attempts=R.c.attempts - 1))

    def tell(self, work: ReEmbedding, stage: str) -> None:
        with writing(self._engine) as db:
            _tell(db, work.job_id, stage)

    def fail(self, work: ReEmbedding, code: str, error: str) -> None:
        """What it has embedded is kept for another try."""
        with writing(self._engine) as db:
            changed = db.execute(
                update(R)
                .where(R.c.id == work.id, R.c.status.in_(UNFINISHED))
                .values(status="failed", error_code=code, error=error, finished_at=time.time())
            ).rowcount
            if changed:
                end_versions(db, {work.job_id: 1})

    def in_use(self) -> set[EmbedderIdentity]:
        """The models of all collections, and those that are about to take over."""
        running = select(R).where(R.c.status.in_(UNFINISHED))
        with reading(self._engine) as db:
            rows = [*db.execute(select(s.collections)), *db.execute(running)]
        return {identity_of(row) for row in rows}

    def coming(self) -> Sequence[Collection]:
        """Collections as they will be, of those for which the index of another model is ready."""
        of_target = and_(
            s.snapshots.c.collection_id == R.c.collection_id,
            *(s.snapshots.c[name] == R.c[name] for name in ("embedder", "dim", "passage_prompt")),
        )
        ready = select(R).where(
            R.c.status == "processing",
            R.c.seq.is_not(None),
            select(s.snapshots.c.id).where(of_target).exists(),
        )
        with reading(self._engine) as db:
            targets = {row.collection_id: identity_of(row) for row in db.execute(ready)}
            if not targets:
                return ()
            rows = db.execute(select(s.collections).where(s.collections.c.id.in_(list(targets)))).all()
        return [replace(collection_record(row), embedder=targets[row.id]) for row in rows]


def cancel_re_embedding(db: Connection, job_id: str) -> int:
    return db.execute(
        update(R)
        .where(R.c.job_id == job_id, R.c.status.in_(UNFINISHED))
        .values(status="cancelled", finished_at=time.time())
    ).rowcount


def _tell(db: Connection, job_id: str, stage: str) -> None:
    unfinished = s.jobs.c.status.in_(("queued", "running"))
    db.execute(update(s.jobs).where(s.jobs.c.id == job_id, unfinished).values(status="running", stage=stage))
