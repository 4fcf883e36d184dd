"""Embedding a collection anew with another model."""

from collections.abc import Callable

from sqlalchemy import Engine, bindparam, delete, select, update

from indexes import schema as s
from indexes.changes import next_seq
from indexes.collections import record_embedder
from indexes.database import reading, writing
from indexes.embedder import Embedder, passage
from indexes.records import Collection

BATCH = 64  # chunks


def re_embed(
    database: Engine, collection: Collection, embedder: Embedder, progress: Callable[[int, int], None]
) -> int:
    """Replace every live vector of the collection, its embedder and its snapshots in one transaction;
    returns how many. The service must be stopped: an open index would still hold the old vectors."""
    live = (s.chunks.c.collection_id == collection.id) & s.chunks.c.dead_seq.is_(None)
    with reading(database) as db:
        rows = db.execute(select(s.chunks.c.id, s.chunks.c.context, s.chunks.c.text).where(live)).all()
    new: list[dict[str, object]] = []
    for at in range(0, len(rows), BATCH):
        some = rows[at : at + BATCH]
        vectors = embedder.embed_passages([passage(row.context, row.text) for row in some])
        new += [
            {"chunk": row.id, "bytes": vector.astype("<f4").tobytes()}
            for row, vector in zip(some, vectors, strict=True)
        ]
        progress(len(new), len(rows))
    with writing(database) as db:
        if next_seq(db, collection.id) != collection.seq + 1:
            raise RuntimeError("the collection changed meanwhile: stop the service and its worker first")
        if new:
            db.execute(
                update(s.chunks).where(s.chunks.c.id == bindparam("chunk")).values(vector=bindparam("bytes")),
                new,
            )
        db.execute(delete(s.snapshots).where(s.snapshots.c.collection_id == collection.id))
        record_embedder(db, collection.id, embedder.identity)
    return len(new)
