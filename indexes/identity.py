"""Which document a source is: by where it comes from, and by its bytes. In the caller's transaction."""

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Connection, and_, bindparam, not_, or_, select, update

from indexes import schema as s
from indexes.endings import UNFINISHED
from indexes.records import Collection, NewDocument

AT_ONCE = 1000  # values in one query


class Holdings:
    """What a collection has of some documents that are handed in, kept up to date while they are entered."""

    def __init__(self, db: Connection, collection: Collection, items: Sequence[NewDocument]) -> None:
        self._facts: dict[str, dict[str, object]] = {}  # by document, as stored
        self._documents = dict(self._of_sources(db, collection, {item.source for item in items}))
        self._bytes = dict(self._with_bytes(db, collection, {item.sha256 for item in items} - {None}))
        self._holders: dict[str | None, dict[str, None]] = {}
        for document_id, sha256 in self._bytes.items():
            self._holders.setdefault(sha256, {})[document_id] = None
        self.new: list[dict[str, object]] = []  # rows of documents
        self.described: list[dict[str, object]] = []  # new facts of known ones, with the document as `_id`
        self.seen: list[str] = []  # documents of which their source says what is stored
        self.validators: dict[str, tuple[str, dict[str, str]]] = {}  # of these bytes of a document

    def same_bytes(self, item: NewDocument) -> str | None:
        """The document that has the bytes of ``item``, or will have: then there is nothing to do for it.

        Where its source is known that is the only one that counts: the others' bytes do not make it up to
        date. It takes the name, tags and metadata that came along.
        """
        if item.sha256 is None:
            return None
        known = self._documents.get(item.source)
        if known is None:
            if item.own:
                return None
            return next(iter(self._holders.get(item.sha256, ())), None)
        if self._bytes.get(known) != item.sha256:
            return None
        self._describe(known, item)
        self.seen.append(known)
        if validators := item.origin.get("validators"):
            self.validators[known] = (item.sha256, validators)
        return known

    def document_for(self, item: NewDocument, now: float) -> str:
        """The live document of the same source, described anew, or a new one; it will have these bytes."""
        document_id = self._documents.get(item.source)
        if document_id is None:
            document_id = self._documents[item.source] = uuid.uuid4().hex
            self._facts[document_id] = facts = _facts(item)
            self.new.append({"id": document_id, "source": item.source, "created_at": now, **facts})
        else:
            self._describe(document_id, item)
        self._holders.get(self._bytes.get(document_id), {}).pop(document_id, None)
        self._bytes[document_id] = item.sha256
        self._holders.setdefault(item.sha256, {})[document_id] = None
        return document_id

    def _describe(self, document_id: str, item: NewDocument) -> None:
        """A web address says nothing new of a known document but its tags, if any."""
        facts = _facts(item)
        if item.sha256 is None or item.own:
            facts = {**self._facts[document_id], "tags": item.tags} if item.tags else self._facts[document_id]
        if facts != self._facts[document_id]:
            self._facts[document_id] = facts
            self.described.append({"_id": document_id, **facts})

    def _of_sources(
        self, db: Connection, collection: Collection, sources: Iterable[str]
    ) -> Iterator[tuple[str, str]]:
        d = s.documents.c
        query = select(d.id, d.source, d.name, d.tags, d.metadata).where(
            d.collection_id == collection.id,
            d.deleted_at.is_(None),
            d.source.in_(bindparam("sources", expanding=True)),
        )
        for some in _pieces(sources):
            for row in db.execute(query, {"sources": some}):
                self._facts[row.id] = {"name": row.name, "tags": row.tags, "metadata": row.metadata}
                yield row.source, row.id

    def _with_bytes(
        self, db: Connection, collection: Collection, digests: Iterable[str | None]
    ) -> Iterator[tuple[str, str | None]]:
        """Documents and the bytes that they have, or will have when what waits for them is done."""
        newer = s.versions.alias("newer")
        about_to_be_replaced = (
            select(newer.c.id)
            .where(newer.c.document_id == s.documents.c.id, newer.c.status.in_(UNFINISHED))
            .exists()
        )
        answering = and_(s.versions.c.id == s.documents.c.version_id, not_(about_to_be_replaced))
        query = (
            select(s.versions.c.document_id, s.versions.c.sha256)
            .join(s.documents, s.documents.c.id == s.versions.c.document_id)
            .where(s.documents.c.collection_id == collection.id, s.documents.c.deleted_at.is_(None))
            .where(s.versions.c.sha256.in_(bindparam("digests", expanding=True)))
            .where(or_(answering, s.versions.c.status.in_(UNFINISHED)))
        )
        for some in _pieces(digests):
            for row in db.execute(query, {"digests": some}):
                yield row.document_id, row.sha256


def seen(db: Connection, document_ids: Sequence[str]) -> None:
    """Their sources say now what is stored of them."""
    for some in _pieces(document_ids):
        db.execute(update(s.documents).where(s.documents.c.id.in_(some)).values(seen_at=time.time()))


def revalidate(
    db: Connection, document_id: str, validators: Mapping[str, str], *, sha256: str | None = None
) -> None:
    """What answers for a document, if it has these bytes, is what its source gives now under other
    validators, as when a site is built anew. ``sha256``: none where that is known already."""
    answering = select(s.documents.c.version_id).where(s.documents.c.id == document_id).scalar_subquery()
    mine = s.versions.c.id == answering
    if sha256 is not None:
        mine = and_(mine, s.versions.c.sha256 == sha256)
    if db.execute(select(s.versions.c.validators).where(mine)).scalar() != validators:
        db.execute(update(s.versions).where(mine).values(validators=validators))


def _facts(item: NewDocument) -> dict[str, object]:
    return {"name": item.name, "tags": item.tags, "metadata": item.metadata}


def _pieces(values: Iterable[str | None]) -> Iterator[list[str | None]]:
    every = list(values)
    for at in range(0, len(every), AT_ONCE):
        yield every[at : at + AT_ONCE]
