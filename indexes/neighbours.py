"""Short passages widened by what stands beside them in their document; offsets stay exact."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, and_, func, or_, select

from indexes import schema as s
from indexes.database import reading
from indexes.records import Hit


@dataclass(frozen=True, order=True)
class _Span:
    start: int
    end: int


class Neighbours:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def widen(self, hits: Sequence[Hit], *, shortest: int) -> list[Hit]:
        """Each hit below ``shortest`` characters with the passages next to it on its page, until it has as
        many or there are no more; none takes in a passage that is a hit itself."""
        short = [hit for hit in hits if hit.end - hit.start < shortest]
        if not short:
            return list(hits)
        taken: dict[str, set[_Span]] = {}
        for hit in hits:
            taken.setdefault(hit.document_id, set()).add(_Span(hit.start, hit.end))
        wider: dict[int, Hit] = {}
        with reading(self._engine) as db:
            for hit in short:
                others = taken[hit.document_id] - {_Span(hit.start, hit.end)}
                span = _grown(hit, _beside(db, hit, shortest), others, shortest)
                text = _text(db, hit, span)
                if text is not None:
                    wider[hit.chunk_id] = replace(hit, start=span.start, end=span.end, text=text)
                    taken[hit.document_id].add(span)
        return [wider.get(hit.chunk_id, hit) for hit in hits]


def _beside(db: Connection, hit: Hit, within: int) -> list[_Span]:
    """The live passages of the hit's page that stand near it, in their order."""
    rows = db.execute(
        select(s.chunks.c.start, s.chunks.c.end)
        .where(s.chunks.c.document_id == hit.document_id, s.chunks.c.dead_seq.is_(None))
        .where(s.chunks.c.page.is_(None) if hit.page is None else s.chunks.c.page == hit.page)
        .where(
            or_(
                and_(s.chunks.c.end <= hit.start, s.chunks.c.end > hit.start - within),
                and_(s.chunks.c.start >= hit.end, s.chunks.c.start < hit.end + within),
            )
        )
        .order_by(s.chunks.c.start)
    )
    return [_Span(row.start, row.end) for row in rows]


def _grown(hit: Hit, beside: list[_Span], others: set[_Span], shortest: int) -> _Span:
    """What follows is taken first, then what stands before, in turns."""
    span = _Span(hit.start, hit.end)
    after = [one for one in beside if one.start >= hit.end]
    before = [one for one in beside if one.end <= hit.start][::-1]
    while span.end - span.start < shortest and (after or before):
        for side in (after, before):
            if not side or span.end - span.start >= shortest:
                continue
            wider = _Span(min(span.start, side[0].start), max(span.end, side[0].end))
            if any(wider.start < one.end and one.start < wider.end for one in others):
                side.clear()  # another hit stands there
            else:
                span = wider
                side.pop(0)
    return span


def _text(db: Connection, hit: Hit, span: _Span) -> str | None:
    """None when the document was replaced meanwhile."""
    text = s.versions.c.text
    return db.execute(
        select(func.substr(text, span.start + 1, span.end - span.start))
        .join(s.documents, s.documents.c.version_id == s.versions.c.id)
        .where(s.documents.c.id == hit.document_id)
        .where(func.substr(text, hit.start + 1, hit.end - hit.start) == hit.text)
    ).scalar_one_or_none()
