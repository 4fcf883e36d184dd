"""Snapshots of an index on disk, so that a restart need not rebuild it.

``<collection>/snap-<seq>.tmp`` -> fsync -> read back and hash -> under the collection's lock: rename, fsync
the folder, a row {file, seq, sha256, ntotal, dim, embedder}. Two are kept. A file that does not match its row
in every respect is never used: the older one is, else the index is rebuilt from the database.
"""

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.numpy
import structlog
from safetensors import SafetensorError
from sqlalchemy import Engine, and_, delete, insert, select

from indexes import schema as s
from indexes.blobs import sha256_of, sync
from indexes.changes import lock
from indexes.database import reading, writing
from indexes.errors import CollectionNotFound, StorageFull
from indexes.hybrid import HybridIndex
from indexes.records import Collection

KEEP = 2
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Loaded:
    index: HybridIndex
    seq: int  # of the last change that it has taken
    built_seq: int


class Snapshots:
    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder

    def save(self, collection: Collection, index: HybridIndex, seq: int, *, built_seq: int) -> None:
        """``built_seq``: of the change at which the index was built from live rows alone. Nothing is kept of
        one that may hold what was purged since. Raises StorageFull, CollectionNotFound."""
        folder = self._folder / collection.id
        partial = folder / f"snap-{seq}.tmp"
        content = safetensors.numpy.save(index.state(), metadata={"seq": str(seq)})
        sha256 = hashlib.sha256(content).hexdigest()
        row = {
            "collection_id": collection.id,
            "file": f"snap-{seq}.safetensors",
            "seq": seq,
            "built_seq": built_seq,
            "sha256": sha256,
            "ntotal": index.dense.total,
            "dim": collection.embedder.dim,
            "embedder": collection.embedder.id,
            "created_at": time.time(),
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            if sha256_of(partial) != sha256:
                raise OSError(None, "what was read back is not what was written")
            self._publish(collection, partial, row)
        except OSError as error:
            raise StorageFull(f"cannot write an index snapshot: {error.strerror}") from error
        finally:
            partial.unlink(missing_ok=True)
        self._forget_old(collection.id)

    def _publish(self, collection: Collection, partial: Path, row: Mapping[str, Any]) -> None:
        """The name and its row under one lock: to whoever tidies up, a file without a row is a crash's."""
        with writing(self._engine) as db:
            try:
                purged_seq = lock(db, collection.id).purged_seq
            except CollectionNotFound:
                self.forget(collection)
                raise
            if row["built_seq"] >= purged_seq:
                partial.rename(partial.with_name(row["file"]))
                sync(partial.parent)
                db.execute(insert(s.snapshots).values(row))

    def load(self, collection: Collection) -> Loaded | None:
        """The newest snapshot that holds what its row promises; None when none does."""
        query = select(s.snapshots).where(s.snapshots.c.collection_id == collection.id)
        with reading(self._engine) as db:
            rows = db.execute(query.order_by(s.snapshots.c.id.desc())).all()
        for row in rows:
            path = self._folder / collection.id / row.file
            try:
                if (row.dim, row.embedder) != (collection.embedder.dim, collection.embedder.id):
                    raise ValueError("it was made with another embedder")
                if row.seq > collection.seq:
                    raise ValueError("it is newer than the database")
                content = path.read_bytes()
                if hashlib.sha256(content).hexdigest() != row.sha256:
                    raise ValueError("its hash does not match")
                index = HybridIndex.from_state(row.dim, safetensors.numpy.load(content))
                if index.dense.total != row.ntotal:
                    raise ValueError("its size does not match")
            except (OSError, ValueError, KeyError, SafetensorError, RuntimeError) as error:
                log.warning("snapshot refused", collection=collection.name, file=row.file, reason=str(error))
                continue
            return Loaded(index=index, seq=int(row.seq), built_seq=int(row.built_seq))
        return None

    def drop_stale(self, collection_id: str, purged_seq: int) -> None:
        """Remove the snapshots that may hold what was purged up to ``purged_seq``."""
        stale = and_(s.snapshots.c.collection_id == collection_id, s.snapshots.c.built_seq < purged_seq)
        with writing(self._engine) as db:
            db.execute(delete(s.snapshots).where(stale))
        self._forget_old(collection_id)

    def forget(self, collection: Collection) -> None:
        """Remove the files of a collection that was deleted; its rows went with it."""
        shutil.rmtree(self._folder / collection.id, ignore_errors=True)

    def _forget_old(self, collection_id: str) -> None:
        mine = s.snapshots.c.collection_id == collection_id
        with writing(self._engine) as db:
            with contextlib.suppress(CollectionNotFound):  # then all of its files go
                lock(db, collection_id)
            rows = db.execute(select(s.snapshots).where(mine).order_by(s.snapshots.c.id.desc())).all()
            db.execute(delete(s.snapshots).where(s.snapshots.c.id.in_([row.id for row in rows[KEEP:]])))
            kept = {row.file for row in rows[:KEEP]}
            for path in (self._folder / collection_id).glob("*"):
                if path.name not in kept:  # older ones, and what a crash left
                    with contextlib.suppress(OSError):
                        path.unlink()
