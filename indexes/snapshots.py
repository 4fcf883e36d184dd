"""Snapshots of an index on disk, so that a restart need not rebuild it.

``<collection>/snap-<seq>.tmp`` -> fsync -> read back and hash -> under the collection's lock: rename, fsync
the folder, a row {file, seq, sha256, ntotal, dim, embedder}. Two are kept, and of a model that is about to
take over two more. A file that does not match its row
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
from sqlalchemy import Connection, Engine, and_, delete, func, insert, select

from indexes import schema as s
from indexes.blobs import sha256_of
from indexes.changes import lock
from indexes.collections import identity_of, made_with
from indexes.database import reading, writing
from indexes.durable import make_folder, sync
from indexes.errors import CollectionNotFound, StorageFull
from indexes.hybrid import HybridIndex, State, total_of
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

    def save(self, collection: Collection, state: State, seq: int, *, built_seq: int) -> bool:
        """``state`` is a `HybridIndex`'s; ``built_seq`` that of the change at which the index was built from
        live rows alone. False, and nothing is kept, of one that may hold what was purged since, or whose
        model answers no more and is not about to. Raises StorageFull, CollectionNotFound."""
        folder = self._folder / collection.id
        name = f"snap-{seq}-{collection.embedder.key}.safetensors"
        partial = folder / f"snap-{seq}-{collection.embedder.key}.tmp"
        content = safetensors.numpy.save(state, metadata={"seq": str(seq)})
        sha256 = hashlib.sha256(content).hexdigest()
        row = {
            "collection_id": collection.id,
            "file": name,
            "seq": seq,
            "built_seq": built_seq,
            "sha256": sha256,
            "ntotal": total_of(state),
            "dim": collection.embedder.dim,
            "embedder": collection.embedder.id,
            "passage_prompt": collection.embedder.passage_prompt,
            "created_at": time.time(),
        }
        try:
            make_folder(folder)
            with partial.open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            if sha256_of(partial) != sha256:
                raise OSError(None, "what was read back is not what was written")
            kept = self._publish(collection, partial, row)
        except OSError as error:
            raise StorageFull(f"cannot write an index snapshot: {error.strerror}") from error
        finally:
            partial.unlink(missing_ok=True)
        self.forget_old(collection.id)
        return kept

    def _publish(self, collection: Collection, partial: Path, row: Mapping[str, Any]) -> bool:
        """The name and its row under one lock: to whoever tidies up, a file without a row is a crash's."""
        with writing(self._engine) as db:
            try:
                now = lock(db, collection.id)
            except CollectionNotFound:
                self.forget(collection)
                raise
            wanted = identity_of(now) == collection.embedder or _is_coming(db, collection)
            if kept := wanted and row["built_seq"] >= now.purged_seq:
                partial.rename(partial.with_name(row["file"]))
                sync(partial.parent)
                db.execute(insert(s.snapshots).values(row))
        return kept

    def load(self, collection: Collection) -> Loaded | None:
        """The newest snapshot that holds what its row promises; None when none does."""
        mine = s.snapshots.c.collection_id == collection.id
        query = select(s.snapshots).where(mine, made_with(s.snapshots, collection.embedder))
        with reading(self._engine) as db:
            rows = db.execute(query.order_by(s.snapshots.c.id.desc())).all()
        for row in rows:
            path = self._folder / collection.id / row.file
            try:
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
        self.forget_old(collection_id)

    def forget(self, collection: Collection) -> None:
        """Remove the files of a collection that was deleted; its rows went with it."""
        shutil.rmtree(self._folder / collection.id, ignore_errors=True)
        _synced(self._folder)

    def forget_old(self, collection_id: str) -> None:
        """Remove the snapshots of models that answer no more, and of each other one all but the newest."""
        mine = s.snapshots.c.collection_id == collection_id
        model = (s.snapshots.c.embedder, s.snapshots.c.dim, s.snapshots.c.passage_prompt)
        place = func.row_number().over(partition_by=model, order_by=s.snapshots.c.id.desc())
        with writing(self._engine) as db:
            with contextlib.suppress(CollectionNotFound):  # then all of its files go
                lock(db, collection_id)
            rows = db.execute(
                select(s.snapshots.c.id, s.snapshots.c.file, place.label("place")).where(mine)
            ).all()
            old = [row.id for row in rows if row.place > KEEP]
            db.execute(delete(s.snapshots).where(s.snapshots.c.id.in_(old)))
            kept = {row.file for row in rows if row.place <= KEEP}
            folder = self._folder / collection_id
            for path in folder.glob("*"):
                if path.name not in kept:  # older ones, and what a crash left
                    with contextlib.suppress(OSError):
                        path.unlink()
            _synced(folder)


def _is_coming(db: Connection, collection: Collection) -> bool:
    """Whether it is on its way to the model of ``collection``."""
    running = and_(s.re_embeddings.c.collection_id == collection.id, s.re_embeddings.c.status == "processing")
    query = select(s.re_embeddings.c.id).where(running, made_with(s.re_embeddings, collection.embedder))
    return db.execute(query).first() is not None


def _synced(folder: Path) -> None:
    """What was removed from it does not come back with the power."""
    with contextlib.suppress(OSError):
        sync(folder)
