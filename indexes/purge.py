"""Removing for good what was deleted or replaced: rows and vectors, snapshots that hold them, bytes.

A deletion takes a text out of every answer at once; this takes what is left of it off the disk.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, and_, delete, func, or_, select, update

from indexes import schema as s
from indexes.blobs import Blobs
from indexes.changes import lock
from indexes.database import reading, vacuum, writing
from indexes.endings import UNFINISHED
from indexes.errors import CollectionNotFound
from indexes.snapshots import Snapshots

BATCH = 2_000  # rows in one transaction: others write in between
KEEP_BLOB = 3600.0  # seconds that bytes may lie without a row that names them: an upload stores them first
KEEP_HISTORY = 7 * 86_400.0  # seconds that jobs can be asked about after their end
ENDED = ("unchanged", "replaced", "cancelled")  # versions that answer nothing and failed at nothing
WANTED = ("done", "failed", *UNFINISHED)  # versions whose bytes may still be asked for
FORGOTTEN = {"name": "", "source": "", "tags": [], "metadata": {}}


@dataclass(frozen=True, kw_only=True)
class Purged:
    documents: int = 0
    chunks: int = 0
    files: int = 0


class Purge:
    def __init__(self, engine: Engine, snapshots: Snapshots, blobs: Blobs) -> None:
        self._engine = engine
        self._snapshots = snapshots
        self._blobs = blobs

    def run(
        self, *, every: float = 0.0, keep_blob: float = KEEP_BLOB, keep_history: float = KEEP_HISTORY
    ) -> Purged:
        """Safe at any time, beside a running service. A collection is left alone when it was purged less than
        ``every`` seconds ago, for its index is then built anew. Raises Unavailable, StorageFull."""
        documents = chunks = 0
        for collection_id, top in self._due(every):
            if not self._announce(collection_id, top):
                continue  # the collection was deleted meanwhile, with all that it held
            self._snapshots.drop_stale(collection_id, top)
            chunks += self._remove_chunks(collection_id, top)
            documents += self._forget_documents(collection_id)
        self._forget_history(time.time() - keep_history)
        files = self._blobs.sweep(self._unwanted, idle=keep_blob)
        if documents or chunks:
            vacuum(self._engine, ("chunks", "versions", "documents", "feedback"))
        return Purged(documents=documents, chunks=chunks, files=files)

    def _due(self, every: float) -> list[tuple[str, int]]:
        """Collections with something to purge, and the newest change that retired any of it."""
        dead = (
            select(func.max(s.chunks.c.dead_seq))
            .where(s.chunks.c.collection_id == s.collections.c.id)
            .correlate(s.collections)
            .scalar_subquery()
        )
        gone = (
            select(s.documents.c.id)
            .where(s.documents.c.collection_id == s.collections.c.id, _deleted())
            .correlate(s.collections)
            .exists()
        )
        last = s.collections.c.purged_at
        query = select(s.collections.c.id, func.coalesce(dead, 0)).where(
            or_(dead.is_not(None), gone), or_(last.is_(None), last <= time.time() - every)
        )
        with reading(self._engine) as db:
            return [(row[0], int(row[1])) for row in db.execute(query)]

    def _announce(self, collection_id: str, top: int) -> bool:
        """First of all: an index that was built before ``top`` is not used or saved any more."""
        with writing(self._engine) as db:
            try:
                row = lock(db, collection_id)
            except CollectionNotFound:
                return False
            db.execute(
                update(s.collections)
                .where(s.collections.c.id == collection_id)
                .values(purged_seq=max(top, row.purged_seq), purged_at=time.time())
            )
        return True

    def _forget_documents(self, collection_id: str) -> int:
        """Of a deleted document its id and times stay, to show that it was there and is gone: so this comes
        last, and one that was deleted meanwhile is left for the next time."""
        left = select(s.chunks.c.id).where(s.chunks.c.document_id == s.documents.c.id).exists()
        mine = and_(s.documents.c.collection_id == collection_id, _deleted(), ~left)
        done = 0
        for ids in _batches(self._engine, s.documents.c.id, mine):
            with writing(self._engine) as db:
                _forget_versions(db, s.versions.c.document_id.in_(ids))
                values = {**FORGOTTEN, "purged_at": time.time()}
                done += db.execute(
                    update(s.documents).where(s.documents.c.id.in_(ids)).values(**values)
                ).rowcount
        return done

    def _remove_chunks(self, collection_id: str, top: int) -> int:
        """Of those that died later a snapshot may still tell."""
        dead = and_(s.chunks.c.collection_id == collection_id, s.chunks.c.dead_seq <= top)
        done = 0
        for ids in _batches(self._engine, s.chunks.c.id, dead):
            with writing(self._engine) as db:
                done += db.execute(delete(s.chunks).where(s.chunks.c.id.in_(ids))).rowcount
        return done

    def _forget_history(self, before: float) -> None:
        """Looking again and again whether something has changed must not fill the database."""
        idle = and_(s.versions.c.status.in_(ENDED), s.versions.c.finished_at < before)
        answered = select(s.documents.c.id).where(
            s.documents.c.id == s.versions.c.document_id,
            s.documents.c.version_id.is_not(None),
            s.documents.c.version_id != s.versions.c.id,
        )
        for ids in _batches(self._engine, s.versions.c.id, and_(idle, answered.exists(), ~_has_chunks())):
            with writing(self._engine) as db:
                db.execute(delete(s.versions).where(s.versions.c.id.in_(ids)))
        versions = select(s.versions.c.id).where(s.versions.c.job_id == s.jobs.c.id)
        apart = select(s.re_embeddings.c.id).where(
            s.re_embeddings.c.job_id == s.jobs.c.id, s.re_embeddings.c.cleared_at.is_(None)
        )
        over = and_(s.jobs.c.finished_at < before, ~versions.exists(), ~apart.exists())
        for ids in _batches(self._engine, s.jobs.c.id, over):
            with writing(self._engine) as db:
                for table in (s.pulls, s.re_embeddings):
                    db.execute(delete(table).where(table.c.job_id.in_(ids)))
                db.execute(delete(s.jobs).where(s.jobs.c.id.in_(ids)))

    def _unwanted(self, hashes: Sequence[str]) -> set[str]:
        """Those that no document which is there, or may yet be, was made of, and no training file."""
        wanted = (
            select(s.versions.c.sha256)
            .join(s.documents, s.documents.c.id == s.versions.c.document_id)
            .where(s.versions.c.sha256.in_(hashes), s.versions.c.status.in_(WANTED))
            .where(s.documents.c.deleted_at.is_(None))
        )
        trained = select(s.training_files.c.sha256).where(s.training_files.c.sha256.in_(hashes))
        with reading(self._engine) as db:
            kept = (*db.execute(wanted).scalars(), *db.execute(trained).scalars())
        return set(hashes) - set(kept)


def _deleted() -> ColumnElement[bool]:
    return and_(s.documents.c.deleted_at.is_not(None), s.documents.c.purged_at.is_(None))


def _has_chunks() -> ColumnElement[bool]:
    """Rows that are dead but have yet to be purged name their version."""
    return select(s.chunks.c.id).where(s.chunks.c.version_id == s.versions.c.id).exists()


def _forget_versions(db: Connection, which: ColumnElement[bool]) -> None:
    db.execute(
        update(s.versions)
        .where(which)
        .values(origin={}, sha256=None, title=None, text=None, page_starts=None, error=None, validators=None)
    )


def _batches(engine: Engine, column: Column[Any], which: ColumnElement[bool]) -> Iterator[list[Any]]:
    """Ids until there are none left; each batch is dealt with before the next is asked for."""
    while True:
        with reading(engine) as db:
            ids = list(db.execute(select(column).where(which).limit(BATCH)).scalars())
        if not ids:
            return
        yield ids
