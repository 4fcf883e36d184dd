"""A collection's vectors by another model, while it takes over from the one that answers.

They lie beside the chunks until there is one for every chunk that lives. Then the collection names the other
model: a change of one row, whatever the size, after which they are its vectors and are moved into the
chunks a batch at a time. At every moment a collection's vectors are of one model.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select

from indexes import schema as s
from indexes.collections import has_embedder, identity_of
from indexes.errors import Reembedded
from indexes.records import Collection

NV, R = s.new_vectors, s.re_embeddings


@dataclass(frozen=True, kw_only=True)
class Space:
    """A collection as one model sees it."""

    seq: int  # the last change of which every chunk that lived then has its vector
    vector: ColumnElement[bytes]  # of a row of chunks; null where it has none


def current_vector() -> ColumnElement[bytes]:
    """Of a row of chunks, by the model that its collection names now."""
    apart = (
        select(NV.c.vector)
        .join(R, R.c.id == NV.c.re_embedding_id)
        .where(NV.c.chunk_id == s.chunks.c.id, R.c.status == "done")
        .correlate(s.chunks)
        .scalar_subquery()
    )
    return func.coalesce(apart, s.chunks.c.vector)


def space_of(db: Connection, collection: Collection) -> Space | None:
    """As the model of ``collection`` sees it: the present one, or one that is about to take over. None where
    the collection is gone. Holds for what is read in `one_moment`. Raises Reembedded."""
    row = db.execute(select(s.collections).where(s.collections.c.id == collection.id)).one_or_none()
    if row is None:
        return None
    if (now := identity_of(row)) == collection.embedder:
        return Space(seq=row.seq, vector=current_vector())
    coming = db.execute(
        select(R.c.id, R.c.seq).where(
            R.c.collection_id == collection.id,
            R.c.status == "processing",
            R.c.seq.is_not(None),
            has_embedder(R, collection.embedder),
        )
    ).one_or_none()
    if coming is None:
        raise Reembedded(f"collection {collection.name!r} was re-embedded with {now.id}", now=now)
    vector = select(NV.c.vector).where(NV.c.chunk_id == s.chunks.c.id, NV.c.re_embedding_id == coming.id)
    return Space(seq=coming.seq, vector=vector.correlate(s.chunks).scalar_subquery())
