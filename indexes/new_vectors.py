"""Making a collection's vectors by another model: what is missing, what was made, the switch, and after."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Select, and_, delete, func, insert, select, update

from indexes import schema as s
from indexes.changes import lock, next_seq
from indexes.collections import identity_of, made_with, record_embedder
from indexes.database import one_moment, reading, vacuum, writing
from indexes.embedder import passage
from indexes.endings import UNFINISHED, end_versions
from indexes.known_vectors import digest_of
from indexes.records import ReEmbedding, Vectors
from indexes.rows import Ids

BATCH = 64  # chunks that are embedded between two commits: the most that a kill can lose
MOVED = 500  # vectors in one transaction: others write in between
Embed = Callable[[Sequence[str]], Vectors]  # [n] passages -> [n, dim]
NV, R = s.new_vectors, s.re_embeddings


@dataclass(frozen=True, kw_only=True)
class Round:
    ids: Ids  # [n] of live chunks without a new vector, ascending
    seq: int  # of the collection, when they were looked for


@dataclass(frozen=True, kw_only=True)
class Batch:
    passages: Mapping[int, str]  # chunk id -> what is embedded of it
    known: Mapping[str, bytes]  # digest -> the new vector that another chunk of that text has

    def vectors(self, embed: Embed) -> dict[int, bytes]:
        """Every text is embedded once, however many chunks have it."""
        digests = {one: digest_of(text) for one, text in self.passages.items()}
        new = {digests[one]: text for one, text in self.passages.items() if digests[one] not in self.known}
        made: Iterable[Vectors] = embed(list(new.values())) if new else []
        every = {**self.known, **{name: _bytes(one) for name, one in zip(new, made, strict=True)}}
        return {one: every[digest] for one, digest in digests.items()}


class NewVectors:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def round(self, work: ReEmbedding) -> Round:
        """What has yet to be embedded."""
        with one_moment(self._engine) as db:
            seq = db.execute(
                select(s.collections.c.seq).where(s.collections.c.id == work.collection.id)
            ).scalar_one_or_none()
            missing = db.execution_options(yield_per=10_000).execute(_missing(work)).scalars()
            ids = np.fromiter(missing, dtype=np.int64)
        return Round(ids=ids, seq=seq or 0)

    def batch(self, work: ReEmbedding, ids: Ids) -> Batch:
        with reading(self._engine) as db:
            return _batch(db, work, ids)

    def add(self, work: ReEmbedding, vectors: Mapping[int, bytes], *, left: int) -> bool:
        """``left`` chunks remain to be embedded. False when it was cancelled meanwhile.

        Raises CollectionNotFound."""
        with writing(self._engine) as db:
            lock(db, work.collection.id)
            if not _is_running(db, work):
                return False
            added = _insert(db, work, vectors)
            done = R.c.chunks_done + added
            values = {"chunks_done": done, "chunks_total": done + left, "attempts": 0}
            db.execute(update(R).where(R.c.id == work.id).values(**values))
        return True

    def cover(self, work: ReEmbedding, seq: int) -> bool:
        """Every chunk that lived at ``seq`` has its new vector. False when it was cancelled meanwhile."""
        with writing(self._engine) as db:
            running = (R.c.id == work.id) & (R.c.status == "processing")
            return db.execute(update(R).where(running).values(seq=seq)).rowcount == 1

    def switch(self, work: ReEmbedding, embed: Embed) -> bool:
        """Embed what is left and have the new model answer, in one transaction. False when more than one
        batch is left, or it was cancelled. Raises CollectionNotFound, Unavailable."""
        with writing(self._engine) as db:
            lock(db, work.collection.id)
            if not _is_running(db, work):
                return False
            left = list(db.execute(_missing(work).limit(BATCH + 1)).scalars())
            if len(left) > BATCH:
                return False
            _insert(db, work, _batch(db, work, np.array(left, np.int64)).vectors(embed))
            seq = next_seq(db, work.collection.id)
            record_embedder(db, work.collection.id, work.target)
            others = ~made_with(s.snapshots, work.target)
            db.execute(delete(s.snapshots).where(s.snapshots.c.collection_id == work.collection.id, others))
            db.execute(
                update(R).where(R.c.id == work.id).values(status="done", seq=seq, finished_at=time.time())
            )
            end_versions(db, {work.job_id: 1})
        return True

    def clear(self, work: ReEmbedding) -> None:
        """Put the vectors of one that is done into the chunks, drop those of one that is not; a batch at a
        time, and safe to run again. Raises CollectionNotFound, Unavailable, StorageFull."""
        while True:
            with writing(self._engine) as db:
                now = identity_of(lock(db, work.collection.id))
                row = db.execute(select(R.c.status).where(R.c.id == work.id)).one_or_none()
                if row is None or row.status in UNFINISHED:
                    return  # it was taken up again
                ids = list(
                    db.execute(
                        select(NV.c.chunk_id).where(NV.c.re_embedding_id == work.id).limit(MOVED)
                    ).scalars()
                )
                batch = and_(NV.c.re_embedding_id == work.id, NV.c.chunk_id.in_(ids))
                if ids and row.status == "done":
                    new = select(NV.c.vector).where(batch, NV.c.chunk_id == s.chunks.c.id)
                    db.execute(
                        update(s.chunks)
                        .where(s.chunks.c.id.in_(ids))
                        .values(vector=new.correlate(s.chunks).scalar_subquery())
                    )
                db.execute(delete(NV).where(batch))
                if not ids:
                    if now != work.target:
                        of_target = made_with(s.snapshots, work.target) & ~made_with(s.snapshots, now)
                        mine = s.snapshots.c.collection_id == work.collection.id
                        db.execute(delete(s.snapshots).where(mine, of_target))
                    db.execute(update(R).where(R.c.id == work.id).values(cleared_at=time.time()))
                    break
        vacuum(self._engine, ("chunks", "new_vectors"))


def _missing(work: ReEmbedding) -> Select[Any]:
    new = select(NV.c.chunk_id).where(NV.c.chunk_id == s.chunks.c.id, NV.c.re_embedding_id == work.id)
    return (
        select(s.chunks.c.id)
        .where(s.chunks.c.collection_id == work.collection.id, s.chunks.c.dead_seq.is_(None))
        .where(~new.exists())
        .order_by(s.chunks.c.id)
    )


def _batch(db: Connection, work: ReEmbedding, ids: Ids) -> Batch:
    rows = db.execute(
        select(s.chunks.c.id, s.chunks.c.context, s.chunks.c.text).where(
            s.chunks.c.id.in_(ids.tolist()), s.chunks.c.dead_seq.is_(None)
        )
    ).all()
    passages = {row.id: passage(row.context, row.text) for row in rows}
    ours = and_(NV.c.chunk_id == s.chunks.c.id, NV.c.re_embedding_id == work.id)
    one_each = (
        select(func.min(s.chunks.c.id))
        .join(NV, ours)
        .where(s.chunks.c.collection_id == work.collection.id)
        .where(s.chunks.c.digest.in_({digest_of(text) for text in passages.values()}))
        .group_by(s.chunks.c.digest)
    )
    known = select(s.chunks.c.digest, NV.c.vector).join(NV, ours).where(s.chunks.c.id.in_(one_each))
    return Batch(passages=passages, known={row.digest: row.vector for row in db.execute(known)})


def _insert(db: Connection, work: ReEmbedding, vectors: Mapping[int, bytes]) -> int:
    """Those of chunks that still live and have none yet: another worker may do the same."""
    still = set(db.execute(_missing(work).where(s.chunks.c.id.in_(list(vectors)))).scalars())
    rows = [
        {"chunk_id": one, "re_embedding_id": work.id, "vector": vector}
        for one, vector in vectors.items()
        if one in still
    ]
    if rows:
        db.execute(insert(NV), rows)
    return len(rows)


def _is_running(db: Connection, work: ReEmbedding) -> bool:
    query = select(R.c.id).where(R.c.id == work.id, R.c.status == "processing")
    return db.execute(query).first() is not None


def _bytes(vector: Vectors) -> bytes:
    return vector.astype("<f4").tobytes()
