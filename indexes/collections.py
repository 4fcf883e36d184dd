"""Collections: named sets of documents that share one index and one embedder."""

import time
import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from indexes import schema as s
from indexes.changes import lock
from indexes.database import reading, writing
from indexes.errors import AlreadyExists, CollectionNotFound, Reembedded
from indexes.paging import page_of
from indexes.records import Collection, EmbedderIdentity, Page

DEFAULT = "default"


class Collections:
    def __init__(
        self,
        engine: Engine,
        embedder: EmbedderIdentity,
        *,
        knows: Callable[[EmbedderIdentity], bool] = lambda _: False,
    ) -> None:
        """``embedder`` is that of new collections; ``knows`` tells of others that can be used as well."""
        self._engine = engine
        self._embedder = embedder
        self._knows = knows

    def create(self, tenant: str, name: str, *, description: str = "") -> Collection:
        """Raises AlreadyExists."""
        row = {
            "id": uuid.uuid4().hex,
            "tenant": tenant,
            "name": name,
            "description": description,
            **embedder_values(self._embedder),
            "seq": 0,
            "created_at": time.time(),
        }
        try:
            with writing(self._engine) as db:
                db.execute(insert(s.collections).values(row))
        except IntegrityError as error:
            raise AlreadyExists(f"a collection named {name!r} exists already", param="name") from error
        return self.get(tenant, name)

    def get(self, tenant: str, name: str) -> Collection:
        """Raises CollectionNotFound; the default collection springs into being when first named."""
        with reading(self._engine) as db:
            row = db.execute(self._select(tenant).where(s.collections.c.name == name)).one_or_none()
        if row is not None:
            return record(row)
        if name != DEFAULT:
            raise CollectionNotFound(
                f"there is no collection {name!r}: create it with POST /collections", param="collection"
            )
        try:
            return self.create(tenant, name)
        except AlreadyExists:  # another request was first
            return self.get(tenant, name)

    def usable(self, tenant: str, name: str) -> Collection:
        """The collection, if its vectors can be compared with those of an embedder that is known.

        Raises CollectionNotFound, EmbedderMismatch, Unavailable.
        """
        collection = self.get(tenant, name)
        if collection.embedder == self._embedder or (collection.seq and self._knows(collection.embedder)):
            return collection
        with writing(self._engine) as db:
            require_embedder(db, lock(db, collection.id), self._embedder)
        return self.get(tenant, name)

    def page(self, tenant: str, *, limit: int, after: str | None) -> Page[Collection]:
        with reading(self._engine) as db:
            return page_of(
                db,
                self._select(tenant),
                moment=s.collections.c.created_at,
                id_=s.collections.c.name,
                limit=limit,
                after=after,
                what="collection",
            ).of(record)

    def update(self, collection: Collection, changes: dict[str, str | None]) -> Collection:
        with writing(self._engine) as db:
            db.execute(update(s.collections).where(s.collections.c.id == collection.id).values(**changes))
        return self.get(collection.tenant, collection.name)

    def delete(self, collection: Collection) -> None:
        """Remove the collection with all its rows; its text cannot be retrieved any more."""
        documents = select(s.documents.c.id).where(s.documents.c.collection_id == collection.id)
        with writing(self._engine) as db:
            lock(db, collection.id)
            db.execute(delete(s.feedback).where(s.feedback.c.collection_id == collection.id))
            db.execute(delete(s.chunks).where(s.chunks.c.collection_id == collection.id))
            db.execute(delete(s.re_embeddings).where(s.re_embeddings.c.collection_id == collection.id))
            db.execute(delete(s.versions).where(s.versions.c.document_id.in_(documents)))
            jobs = select(s.jobs.c.id).where(s.jobs.c.collection_id == collection.id)
            db.execute(delete(s.pulls).where(s.pulls.c.job_id.in_(jobs)))
            _hand_over_jobs(db, collection)
            for table in (s.sources, s.documents, s.jobs, s.snapshots):
                db.execute(delete(table).where(table.c.collection_id == collection.id))
            db.execute(delete(s.collections).where(s.collections.c.id == collection.id))

    def counts(self, collection: Collection) -> tuple[int, int]:
        """Documents that answer, and their chunks."""
        live = (s.documents.c.collection_id == collection.id) & s.documents.c.deleted_at.is_(None)
        with reading(self._engine) as db:
            documents = db.execute(
                select(func.count()).where(live, s.documents.c.version_id.is_not(None))
            ).scalar_one()
            chunks = db.execute(
                select(func.count()).where(
                    s.chunks.c.collection_id == collection.id, s.chunks.c.dead_seq.is_(None)
                )
            ).scalar_one()
        return documents, chunks

    @staticmethod
    def _select(tenant: str) -> Any:
        return select(s.collections).where(s.collections.c.tenant == tenant)


def _hand_over_jobs(db: Connection, collection: Collection) -> None:
    """Jobs that brought documents which were moved elsewhere go where those are."""
    moved_to = (
        select(s.documents.c.collection_id)
        .join(s.versions, s.versions.c.document_id == s.documents.c.id)
        .where(s.versions.c.job_id == s.jobs.c.id, s.documents.c.collection_id != collection.id)
        .limit(1)
    )
    db.execute(
        update(s.jobs)
        .where(s.jobs.c.collection_id == collection.id, moved_to.exists())
        .values(collection_id=moved_to.scalar_subquery())
    )


def record_embedder(db: Connection, collection_id: str, embedder: EmbedderIdentity) -> None:
    db.execute(
        update(s.collections).where(s.collections.c.id == collection_id).values(**embedder_values(embedder))
    )


def embedder_values(embedder: EmbedderIdentity) -> dict[str, Any]:
    """An identity as rows name it."""
    return {
        "embedder": embedder.id,
        "dim": embedder.dim,
        "query_prompt": embedder.query_prompt,
        "passage_prompt": embedder.passage_prompt,
    }


def identity_of(row: Row[Any]) -> EmbedderIdentity:
    return EmbedderIdentity(
        id=row.embedder, dim=row.dim, query_prompt=row.query_prompt, passage_prompt=row.passage_prompt
    )


def has_embedder(table: Table, embedder: EmbedderIdentity) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in embedder_values(embedder).items()))


def made_with(table: Table, embedder: EmbedderIdentity) -> ColumnElement[bool]:
    """Whether its passages' vectors are those of ``embedder``: a question's prompt says nothing of them."""
    values = embedder_values(embedder)
    return and_(*(table.c[name] == values[name] for name in ("embedder", "dim", "passage_prompt")))


def require_embedder(db: Connection, locked: Row[Any], now: EmbedderIdentity) -> None:
    """Hold a locked collection to an embedder; one with nothing embedded yet simply takes it.

    Raises Reembedded.
    """
    was = identity_of(locked)
    if was == now:
        return
    if locked.seq == 0:
        record_embedder(db, locked.id, now)
        return
    raise Reembedded(
        f"collection {locked.name!r} was embedded with {was.id} ({was.dim} dimensions, prompts "
        f"{was.query_prompt!r} / {was.passage_prompt!r}), but the service now runs {now.id} "
        f"({now.dim}, {now.query_prompt!r} / {now.passage_prompt!r}). Name that model in "
        f"SIMURGH_EMBEDDERS, or re-embed: `simurgh models re-embed {locked.name}`",
        now=was,
    )


def record(row: Row[Any]) -> Collection:
    return Collection(
        id=row.id,
        tenant=row.tenant,
        name=row.name,
        description=row.description,
        default_adapter=row.default_adapter,
        embedder=identity_of(row),
        seq=row.seq,
        created_at=row.created_at,
    )
