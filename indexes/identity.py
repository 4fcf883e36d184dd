"""Which document a source is: by where it comes from, and by its bytes. In the caller's transaction."""

import time
import uuid

from sqlalchemy import Connection, and_, insert, not_, or_, select, update

from indexes import schema as s
from indexes.endings import UNFINISHED
from indexes.records import Collection, NewDocument


def same_bytes(db: Connection, collection: Collection, item: NewDocument) -> str | None:
    """The document that has the bytes of ``item``, or will have: then there is nothing to do for it.

    Where its source is known that is the only one that counts: the others' bytes do not make it up to date.
    It takes the name, tags and metadata that came along.
    """
    if item.sha256 is None:
        return None
    known = _document_of(db, collection, item.source)
    if known is None and item.own:
        return None
    newer = s.versions.alias("newer")
    about_to_be_replaced = (
        select(newer.c.id)
        .where(newer.c.document_id == s.documents.c.id, newer.c.status.in_(UNFINISHED))
        .exists()
    )
    answering = and_(s.versions.c.id == s.documents.c.version_id, not_(about_to_be_replaced))
    query = (
        select(s.versions.c.document_id)
        .join(s.documents, s.documents.c.id == s.versions.c.document_id)
        .where(s.documents.c.collection_id == collection.id, s.documents.c.deleted_at.is_(None))
        .where(s.versions.c.sha256 == item.sha256)
        .where(or_(answering, s.versions.c.status.in_(UNFINISHED)))
    )
    if known is not None:
        query = query.where(s.documents.c.id == known)
    found: str | None = db.execute(query.limit(1)).scalar_one_or_none()
    if found is not None and found == known:
        _describe(db, found, item)
        _revalidate(db, found, item)
        seen(db, found)
    return found


def document_for(db: Connection, collection: Collection, item: NewDocument, now: float) -> str:
    """The live document of the same source, described anew, or a new one."""
    known = _document_of(db, collection, item.source)
    if known is not None:
        _describe(db, known, item)
        return known
    document_id = uuid.uuid4().hex
    db.execute(
        insert(s.documents).values(
            id=document_id, collection_id=collection.id, source=item.source, created_at=now, **_facts(item)
        )
    )
    return document_id


def seen(db: Connection, document_id: str) -> None:
    """Its source says now what is stored of it."""
    db.execute(update(s.documents).where(s.documents.c.id == document_id).values(seen_at=time.time()))


def _revalidate(db: Connection, document_id: str, item: NewDocument) -> None:
    """A web server may give the same bytes another ETag, as when a site is built anew."""
    validators = item.origin.get("validators")
    mine = and_(
        s.versions.c.document_id == document_id,
        s.versions.c.sha256 == item.sha256,
        s.versions.c.status == "done",
    )
    if validators and db.execute(select(s.versions.c.validators).where(mine)).scalar() != validators:
        db.execute(update(s.versions).where(mine).values(validators=validators))


def _document_of(db: Connection, collection: Collection, source: str) -> str | None:
    found: str | None = db.execute(
        select(s.documents.c.id).where(
            s.documents.c.collection_id == collection.id,
            s.documents.c.source == source,
            s.documents.c.deleted_at.is_(None),
        )
    ).scalar_one_or_none()
    return found


def _describe(db: Connection, document_id: str, item: NewDocument) -> None:
    """A web address says nothing new of a known document but its tags, if any."""
    told = item.sha256 is not None and not item.own
    facts = _facts(item) if told else {"tags": item.tags} if item.tags else {}
    if facts:
        db.execute(update(s.documents).where(s.documents.c.id == document_id).values(**facts))


def _facts(item: NewDocument) -> dict[str, object]:
    return {"name": item.name, "tags": item.tags, "metadata": item.metadata}
