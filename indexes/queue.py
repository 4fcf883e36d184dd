"""Versions on their way: accepted, taken up, committed or failed. Jobs are sums over their versions."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Engine,
    and_,
    func,
    insert,
    select,
    update,
)

from indexes import schema as s
from indexes.changes import lock, next_seq, retire
from indexes.collections import identity_of, require_embedder
from indexes.database import reading, writing
from indexes.embedder import passage
from indexes.endings import UNFINISHED, end_versions
from indexes.errors import CollectionNotFound, JobNotFound
from indexes.identity import revalidate, seen
from indexes.intake import enter
from indexes.known_vectors import digest_of
from indexes.pulls import cancel_pulls, is_running, new_job, record_source, start_pull
from indexes.records import (
    Answering,
    Chunk,
    Collection,
    EmbedderIdentity,
    Job,
    JobDocument,
    JobPull,
    JobReEmbedding,
    NewDocument,
    NewSource,
    Pull,
    Vectors,
    Version,
)
from indexes.reembeddings import cancel_re_embedding
from indexes.turns import NORMAL, PRIORITIES, require_room, waiting_of, waiting_versions

INSERT_ROWS = 500
VERSION_PARTS = [
    column for column in s.versions.c if column.name != "text"
]  # what lists need; texts are long


class Queue:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def accept(
        self,
        collection: Collection,
        new: Sequence[NewDocument],
        *,
        max_queued: int,
        pulled: Sequence[NewSource] = (),
        priority: int = NORMAL,
    ) -> tuple[str, list[JobDocument], list[str]]:
        """Record a job durably. Returns its id, its documents, and the ids of versions to work on.

        The same bytes in the same collection are ``unchanged``: they cost nothing.
        ``priority``: a place in `indexes.turns.PRIORITIES`.
        Raises QueueFull when more than ``max_queued`` versions of the tenant would wait,
        CollectionNotFound.
        """
        with writing(self._engine) as db:
            lock(db, collection.id)
            require_room(db, collection.tenant, len(new), max_queued)
            job_id = new_job(db, collection, total=len(new), priority=priority)
            for source in pulled:
                source_id = record_source(db, collection, source)
                if source.at_once:
                    start_pull(db, source_id, job_id)
            documents, version_ids = enter(db, collection, job_id, new, priority=priority)
        return job_id, documents, version_ids

    def extend(self, pull: Pull, new: Sequence[NewDocument], *, max_queued: int) -> bool:
        """Documents that a pull found, into its job; False when it was cancelled meanwhile.

        Raises QueueFull as `accept` does, CollectionNotFound.
        """
        with writing(self._engine) as db:
            lock(db, pull.collection.id)
            if not is_running(db, pull.id):
                return False
            require_room(db, pull.collection.tenant, len(new), max_queued)
            total = s.jobs.c.total + len(new)
            job = update(s.jobs).where(s.jobs.c.id == pull.job_id).values(total=total)
            priority = db.execute(job.returning(s.jobs.c.priority)).scalar_one()
            enter(db, pull.collection, pull.job_id, new, priority=priority)
        return True

    def take(self, version_id: str) -> Version | None:
        """Mark a version as being worked on; None when there is nothing left to do for it."""
        with writing(self._engine) as db:
            row = db.execute(
                select(s.versions, s.documents.c.collection_id, s.documents.c.name, s.documents.c.metadata)
                .join(s.documents, s.documents.c.id == s.versions.c.document_id)
                .where(s.versions.c.id == version_id)
            ).one_or_none()
            taken = update(s.versions).where(
                s.versions.c.id == version_id, s.versions.c.status.in_(UNFINISHED)
            )
            values = {"status": "processing", "attempts": s.versions.c.attempts + 1}
            if row is None or db.execute(taken.values(values)).rowcount != 1:
                return None
            db.execute(
                update(s.jobs)
                .where(s.jobs.c.id == row.job_id, s.jobs.c.status.in_(("queued", "running")))
                .values(status="running", stage="extracting" if "sha256" in row.origin else "fetching")
            )
            collection = db.execute(
                select(s.collections).where(s.collections.c.id == row.collection_id)
            ).one()
        return Version(
            id=row.id,
            document_id=row.document_id,
            job_id=row.job_id,
            collection_id=row.collection_id,
            status="processing",
            attempts=row.attempts + 1,
            name=row.name,
            metadata=row.metadata,
            origin=row.origin,
            title=row.title,
            sha256=row.sha256,
            embedder=identity_of(collection) if collection.seq else None,
            validators=row.validators or {},
        )

    def put_back(self, version: Version) -> None:
        """Take back the attempt that `take` counted: attempts are those that took a worker down."""
        with writing(self._engine) as db:
            db.execute(
                update(s.versions)
                .where(s.versions.c.id == version.id)
                .values(attempts=s.versions.c.attempts - 1)
            )

    def advance(self, version: Version, *, stage: str, done: int = 0, total: int = 0) -> bool:
        """Report progress in chunks; False when the version was cancelled meanwhile."""
        with writing(self._engine) as db:
            changed = db.execute(
                update(s.versions)
                .where(s.versions.c.id == version.id, s.versions.c.status == "processing")
                .values(chunks_done=done, chunks_total=total)
            ).rowcount
            db.execute(update(s.jobs).where(s.jobs.c.id == version.job_id).values(stage=stage))
        return changed == 1

    def commit(
        self,
        version: Version,
        *,
        text: str,
        title: str,
        media_type: str,
        sha256: str,
        page_starts: list[int] | None,
        unread_pages: list[int],
        validators: Mapping[str, str] | None = None,
        seen_at: float | None = None,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        embedder: EmbedderIdentity,
    ) -> bool:
        """Replace what answered for the document by this version, in one transaction. ``seen_at``: when its
        source was asked, if that was not just now.

        False when it was cancelled or its document deleted meanwhile: then nothing is written.
        Raises Reembedded when the collection holds vectors of another embedder.
        """
        now = time.time()
        with writing(self._engine) as db:
            try:
                require_embedder(db, lock(db, version.collection_id), embedder)
            except CollectionNotFound:
                return False
            changed = db.execute(
                update(s.versions)
                .where(s.versions.c.id == version.id, s.versions.c.status == "processing")
                .values(
                    status="done",
                    text=text,
                    title=title,
                    media_type=media_type,
                    sha256=sha256,
                    validators=validators,
                    page_starts=page_starts,
                    unread_pages=unread_pages,
                    chunks_done=len(chunks),
                    chunks_total=len(chunks),
                    finished_at=now,
                )
            ).rowcount
            if changed != 1:
                return False
            seq = next_seq(db, version.collection_id)
            retire(db, version.collection_id, version.document_id, seq)
            db.execute(
                update(s.versions)
                .where(s.versions.c.document_id == version.document_id, s.versions.c.id != version.id)
                .where(s.versions.c.status == "done")
                .values(status="replaced", text=None)
            )
            rows = [
                {
                    "collection_id": version.collection_id,
                    "document_id": version.document_id,
                    "version_id": version.id,
                    "start": chunk.start,
                    "end": chunk.end,
                    "page": chunk.page,
                    "text": chunk.text,
                    "context": chunk.context,
                    "language": chunk.language,
                    "terms": chunk.terms,
                    "digest": digest_of(passage(chunk.context, chunk.text)),
                    "vector": vector.astype("<f4").tobytes(),
                    "seq": seq,
                }
                for chunk, vector in zip(chunks, vectors, strict=True)
            ]
            for at in range(0, len(rows), INSERT_ROWS):
                db.execute(insert(s.chunks), rows[at : at + INSERT_ROWS])
            db.execute(
                update(s.documents)
                .where(s.documents.c.id == version.document_id)
                .values(version_id=version.id, seen_at=seen_at or now)
            )
            end_versions(db, {version.job_id: 1})
        return True

    def end(
        self,
        version: Version,
        status: str,
        *,
        code: str | None = None,
        error: str | None = None,
        validators: Mapping[str, str] | None = None,
    ) -> None:
        """End a version without a commit: ``failed`` with its reason, or ``unchanged``.

        ``validators`` are those of the bytes that this was found of: while its source gives the same, there
        is nothing to do for it. None where it should be tried again.
        """
        values = {"validators": dict(validators) if validators else None}
        with writing(self._engine) as db:
            changed = db.execute(
                update(s.versions)
                .where(s.versions.c.id == version.id, s.versions.c.status.in_(UNFINISHED))
                .values(status=status, error_code=code, error=error, finished_at=time.time(), **values)
            ).rowcount
            if changed and status == "unchanged":
                seen(db, [version.document_id])
                if validators:
                    revalidate(db, version.document_id, validators)
            if changed:
                end_versions(db, {version.job_id: 1})

    def answering(self, version: Version) -> Answering:
        """What answers for the document now, to tell whether a fetch brought anything new."""
        with reading(self._engine) as db:
            row = db.execute(
                select(s.versions.c.sha256, s.versions.c.validators)
                .join(s.documents, s.documents.c.version_id == s.versions.c.id)
                .where(s.documents.c.id == version.document_id)
            ).one_or_none()
        if row is None:
            return Answering(sha256=None, validators={})
        return Answering(sha256=row.sha256, validators=row.validators or {})

    def unfinished(self, *, limit: int) -> list[str]:
        """Ids of accepted versions that have not ended, whose turn is next first."""
        return waiting_versions(self._engine, limit=limit)

    def job(self, tenant: str, job_id: str) -> Job:
        """Raises JobNotFound."""
        with reading(self._engine) as db:
            row = db.execute(
                select(s.jobs, s.collections.c.name.label("collection"))
                .join(s.collections, s.collections.c.id == s.jobs.c.collection_id)
                .where(s.jobs.c.id == job_id, s.jobs.c.tenant == tenant)
            ).one_or_none()
            if row is None:
                raise JobNotFound(f"there is no job {job_id!r}", param="job_id")
            count = func.count(s.chunks.c.id)
            parts = db.execute(
                select(*VERSION_PARTS, s.documents.c.name, count.label("chunks"))
                .join(s.documents, s.documents.c.id == s.versions.c.document_id)
                .outerjoin(
                    s.chunks,
                    and_(s.chunks.c.version_id == s.versions.c.id, s.chunks.c.dead_seq.is_(None)),
                )
                .where(s.versions.c.job_id == job_id)
                .group_by(s.versions.c.id, s.documents.c.name)
                .order_by(s.versions.c.ordinal)
            ).all()
            pulls = db.execute(
                select(s.pulls).where(s.pulls.c.job_id == job_id).order_by(s.pulls.c.created_at)
            ).all()
            again = db.execute(
                select(s.re_embeddings).where(s.re_embeddings.c.job_id == job_id)
            ).one_or_none()
        counted = [*parts, again] if again is not None else parts
        return Job(
            id=row.id,
            collection=row.collection,
            status=row.status,
            priority=PRIORITIES[row.priority],
            stage=row.stage,
            done=row.done,
            total=row.total,
            chunks_done=sum(part.chunks_done for part in counted),
            chunks_total=sum(part.chunks_total for part in counted),
            created_at=row.created_at,
            finished_at=row.finished_at,
            documents=[_part(part) for part in parts],
            pulls=[
                JobPull(
                    source_id=pull.source_id,
                    status=pull.status,
                    items=pull.items,
                    error=pull.error,
                    error_code=pull.error_code,
                )
                for pull in pulls
            ],
            re_embedding=None
            if again is None
            else JobReEmbedding(
                embedder=again.embedder,
                status=again.status,
                error=again.error,
                error_code=again.error_code,
            ),
        )

    def cancel(self, tenant: str, job_id: str) -> Job:
        """Cancel what has not ended; documents already committed stay. Raises JobNotFound."""
        self.job(tenant, job_id)
        collection = select(s.jobs.c.collection_id).where(s.jobs.c.id == job_id)
        with writing(self._engine) as db:
            lock(db, db.execute(collection).scalar_one_or_none() or "")
            ended = db.execute(
                update(s.versions)
                .where(s.versions.c.job_id == job_id, s.versions.c.status.in_(UNFINISHED))
                .values(status="cancelled", finished_at=time.time())
            ).rowcount
            ended += cancel_pulls(db, job_id) + cancel_re_embedding(db, job_id)
            if ended:
                db.execute(
                    update(s.jobs)
                    .where(s.jobs.c.id == job_id)
                    .values(status="cancelled", stage="cancelled", finished_at=time.time())
                )
        return self.job(tenant, job_id)

    def waiting(self, tenant: str) -> int:
        """How many of the tenant's versions wait or are worked on."""
        with reading(self._engine) as db:
            return waiting_of(db, tenant)

    def depth(self) -> tuple[int, float]:
        """How many versions wait or run, and the age in seconds of the oldest."""
        with reading(self._engine) as db:
            count, oldest = db.execute(
                select(func.count(), func.min(s.versions.c.created_at)).where(s.WAITING)
            ).one()
        return count, time.time() - oldest if oldest else 0.0


def _part(row: Any) -> JobDocument:
    return JobDocument(
        document_id=row.document_id,
        name=row.name,
        status=row.status,
        pages=len(row.page_starts) if row.page_starts else None,
        unread_pages=tuple(row.unread_pages or ()),
        chunks=row.chunks,
        error=row.error,
        error_code=row.error_code,
    )
