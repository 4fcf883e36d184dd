"""What people say of answers: one row an answer, which names the passages that the answer stood on.

An answer may quote its sources. So a row goes with the first of them that is retired (`indexes.changes`):
what is deleted, replaced or moved elsewhere takes along what was said of it, in the same transaction.
"""

import time
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select

from indexes import schema as s
from indexes.changes import lock
from indexes.database import reading, writing
from indexes.errors import Conflict, NotFound
from indexes.paging import page_of
from indexes.records import Collection, Feedback, NewFeedback, Page


class FeedbackStore:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, collection: Collection, given: NewFeedback) -> Feedback:
        """In the place of what was said of the same request before. Raises Conflict where a passage that the
        answer stood on is not in the collection, or no more; CollectionNotFound."""
        row = {
            "id": uuid.uuid4().hex,
            "collection_id": collection.id,
            "request_id": given.request_id,
            "question": given.question,
            "answer": given.answer,
            "adapter": given.adapter,
            "adapter_version": given.adapter_version,
            "rating": given.rating,
            "correction": given.correction,
            "comment": given.comment,
            "created_at": time.time(),
        }
        with writing(self._engine) as db:
            lock(db, collection.id)
            _require_live(db, collection, given.chunk_ids)
            before = (s.feedback.c.collection_id == collection.id) & (
                s.feedback.c.request_id == given.request_id
            )
            db.execute(delete(s.feedback).where(before))
            stored = db.execute(insert(s.feedback).values(row).returning(s.feedback)).one()
            sources = [
                {"feedback_id": row["id"], "place": place, "chunk_id": chunk_id}
                for place, chunk_id in enumerate(given.chunk_ids, 1)
            ]
            if sources:
                db.execute(insert(s.feedback_sources), sources)
        return _record(stored, given.chunk_ids)

    def page(self, collection: Collection, *, limit: int, after: str | None) -> Page[Feedback]:
        """Oldest first. ``after``: an id. Raises InvalidRequest."""
        with reading(self._engine) as db:
            rows = page_of(
                db,
                select(s.feedback).where(s.feedback.c.collection_id == collection.id),
                moment=s.feedback.c.created_at,
                id_=s.feedback.c.id,
                limit=limit,
                after=after,
                what="feedback",
            )
            chunk_ids: dict[str, list[int]] = {row.id: [] for row in rows.data}
            sources = s.feedback_sources.c
            named = (
                select(sources.feedback_id, sources.chunk_id)
                .where(sources.feedback_id.in_(list(chunk_ids)))
                .order_by(sources.feedback_id, sources.place)
            )
            for feedback_id, chunk_id in db.execute(named):
                chunk_ids[feedback_id].append(chunk_id)
        return rows.of(lambda row: _record(row, chunk_ids[row.id]))

    def delete(self, tenant: str, feedback_id: str) -> None:
        """Raises NotFound."""
        own = select(s.collections.c.id).where(s.collections.c.tenant == tenant)
        mine = (s.feedback.c.id == feedback_id) & s.feedback.c.collection_id.in_(own)
        with writing(self._engine) as db:
            if not db.execute(delete(s.feedback).where(mine)).rowcount:
                raise NotFound(f"there is no feedback {feedback_id!r}", code="feedback_not_found")


def _require_live(db: Connection, collection: Collection, chunk_ids: Sequence[int]) -> None:
    live = select(func.count()).where(
        s.chunks.c.id.in_(chunk_ids),
        s.chunks.c.collection_id == collection.id,
        s.chunks.c.dead_seq.is_(None),
    )
    if db.execute(live).scalar_one() != len(set(chunk_ids)):
        raise Conflict(
            "a passage that the answer stood on is no longer in the collection: ask again",
            param="chunk_ids",
            code="sources_changed",
        )


def _record(row: Row[Any], chunk_ids: Sequence[int]) -> Feedback:
    return Feedback(
        id=row.id,
        request_id=row.request_id,
        question=row.question,
        answer=row.answer,
        chunk_ids=tuple(chunk_ids),
        adapter=row.adapter,
        adapter_version=row.adapter_version,
        rating=row.rating,
        correction=row.correction,
        comment=row.comment,
        created_at=row.created_at,
    )
