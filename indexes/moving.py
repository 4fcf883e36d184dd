"""Documents described anew or brought into another collection, without reading or embedding them again."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, insert, literal, select, update

from indexes import schema as s
from indexes.changes import lock, next_seq, require_here, retire
from indexes.collections import identity_of, record_embedder
from indexes.database import writing
from indexes.endings import UNFINISHED
from indexes.errors import AlreadyExists, Conflict, EmbedderMismatch
from indexes.records import Collection, Document
from indexes.spaces import current_vector

FILE = "file:"  # how the source of an uploaded file begins; its name follows
COPIED = [one for one in s.chunks.c if one.name not in ("id", "collection_id", "vector", "seq", "dead_seq")]


class Moving:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def describe(self, document: Document, changes: Mapping[str, Any]) -> None:
        """New ``name``, ``tags`` or ``metadata``. An uploaded file that is renamed is the file of that name
        from then on: the next upload under it replaces it. Raises AlreadyExists where there is one."""
        with writing(self._engine) as db:
            lock(db, document.collection_id)
            require_here(db, document)
            values = dict(changes)
            source = _source(db, document.id)
            if "name" in values and source.startswith(FILE):
                values["source"] = f"{FILE}{values['name']}"
                _require_free(db, document.id, document.collection_id, values["source"])
            db.execute(update(s.documents).where(s.documents.c.id == document.id).values(**values))

    def move(self, document: Document, source: Collection, target: Collection) -> None:
        """Its chunks, vectors and all, into a collection of the same embedder, in one transaction.

        Raises Conflict while it is being read, AlreadyExists where its source is there, EmbedderMismatch.
        """
        with writing(self._engine) as db:
            # In one order for all, so that two moves the opposite way do not wait for each other.
            locked = {one: lock(db, one) for one in sorted({source.id, target.id})}
            if source.id == target.id:
                return
            require_here(db, document)
            _require_still(db, document.id)
            _require_free(db, document.id, target.id, _source(db, document.id))
            ours, theirs = identity_of(locked[source.id]), identity_of(locked[target.id])
            if locked[target.id].seq == 0:
                record_embedder(db, target.id, ours)
            elif ours != theirs:
                raise EmbedderMismatch(
                    f"{source.name!r} was embedded with {ours.id} and {target.name!r} with {theirs.id}: "
                    "re-embed one of them first",
                    param="collection",
                )
            place = (literal(target.id), literal(next_seq(db, target.id)))
            copied = select(*COPIED, current_vector(), *place).where(
                s.chunks.c.document_id == document.id, s.chunks.c.dead_seq.is_(None)
            )
            names = [column.name for column in COPIED]
            db.execute(insert(s.chunks).from_select([*names, "vector", "collection_id", "seq"], copied))
            retire(db, source.id, document.id, next_seq(db, source.id))
            db.execute(
                update(s.documents).where(s.documents.c.id == document.id).values(collection_id=target.id)
            )


def _source(db: Connection, document_id: str) -> str:
    query = select(s.documents.c.source).where(s.documents.c.id == document_id)
    return str(db.execute(query).scalar_one())


def _require_free(db: Connection, document_id: str, collection_id: str, source: str) -> None:
    other = select(s.documents.c.id).where(
        s.documents.c.collection_id == collection_id,
        s.documents.c.source == source,
        s.documents.c.deleted_at.is_(None),
        s.documents.c.id != document_id,
    )
    if db.execute(other).first() is not None:
        raise AlreadyExists(f"the collection has another document of {source!r}: delete one of them first")


def _require_still(db: Connection, document_id: str) -> None:
    waiting = select(s.versions.c.id).where(
        s.versions.c.document_id == document_id, s.versions.c.status.in_(UNFINISHED)
    )
    if db.execute(waiting).first() is not None:
        raise Conflict("the document is still being read: move it when it is done")
