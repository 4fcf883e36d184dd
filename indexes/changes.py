"""The seq of a collection: every change to its chunks takes the next one, in its own transaction.

Transactions that touch several rows of a collection lock it first, then versions, then jobs: one order
for all, so that on PostgreSQL they can neither deadlock nor slip in between each other's reads and writes.
"""

from typing import Any

from sqlalchemy import Connection, Row, and_, delete, select, update

from indexes import schema as s
from indexes.errors import CollectionNotFound, Conflict, DocumentNotFound
from indexes.records import Document


def lock(db: Connection, collection_id: str) -> Row[Any]:
    """The collection's row, its own until the transaction ends. Raises CollectionNotFound."""
    row = db.execute(
        select(s.collections).where(s.collections.c.id == collection_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise CollectionNotFound("the collection was deleted", param="collection")
    return row


def next_seq(db: Connection, collection_id: str) -> int:
    """Take the next seq; the row stays locked until the transaction ends, so commits are in order."""
    return int(
        db.execute(
            update(s.collections)
            .where(s.collections.c.id == collection_id)
            .values(seq=s.collections.c.seq + 1)
            .returning(s.collections.c.seq)
        ).scalar_one()
    )


def require_here(db: Connection, document: Document) -> None:
    """Under the lock of the collection that ``document`` was read in. Raises Conflict, DocumentNotFound."""
    row = db.execute(
        select(s.documents.c.collection_id, s.documents.c.deleted_at).where(s.documents.c.id == document.id)
    ).one_or_none()
    if row is None or row.deleted_at is not None:
        raise DocumentNotFound("the document was deleted", param="document_id")
    if row.collection_id != document.collection_id:
        raise Conflict("the document was moved to another collection meanwhile: try again")


def retire(db: Connection, collection_id: str, document_id: str, seq: int) -> None:
    """Tombstone the live chunks of a document in a collection, and drop their text, terms and digest, and
    what was said of answers that stood on them, which may quote them."""
    live = and_(
        s.chunks.c.document_id == document_id,
        s.chunks.c.collection_id == collection_id,
        s.chunks.c.dead_seq.is_(None),
    )
    said = (
        select(s.feedback_sources.c.feedback_id)
        .join(s.chunks, s.chunks.c.id == s.feedback_sources.c.chunk_id)
        .where(live)
    )
    db.execute(delete(s.feedback).where(s.feedback.c.id.in_(said)))
    db.execute(
        update(s.chunks).where(live).values(dead_seq=seq, text="", context="", terms=None, digest=None)
    )
