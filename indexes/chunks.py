"""Reading chunks: what an index must replay, and the live text behind its answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine, case, func, or_, select

from indexes import schema as s
from indexes.collections import identity_of
from indexes.database import one_moment, reading
from indexes.embedder import passage
from indexes.filters import tests
from indexes.records import Collection, EmbedderIdentity, Filters, Hit, IndexChange, Relevance, Vectors
from indexes.rows import Ids
from indexes.spaces import space_of
from indexes.text import Analyzer

REPLAY_ROWS = 5_000
ANALYSED = (  # the text is only read where it has yet to be analysed
    s.chunks.c.terms,
    case((s.chunks.c.terms.is_(None), s.chunks.c.context)).label("context"),
    case((s.chunks.c.terms.is_(None), s.chunks.c.text)).label("text"),
)
SHOWN = [s.chunks.c[name] for name in ("id", "document_id", "page", "start", "end", "text")]


@dataclass(frozen=True, kw_only=True)
class Passage:
    hit: Hit
    terms: list[str]  # as analysed


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Where a collection stands."""

    seq: int  # of the last committed change
    purged_seq: int  # an index built before this one may hold what is to be gone
    embedder: EmbedderIdentity


class Chunks:
    def __init__(self, engine: Engine, analyzer: Analyzer) -> None:
        self._engine = engine
        self._analyzer = analyzer

    def moment(self, collection: Collection) -> Moment | None:
        """None when the collection was deleted."""
        with reading(self._engine) as db:
            row = db.execute(select(s.collections).where(s.collections.c.id == collection.id)).one_or_none()
        if row is None:
            return None
        return Moment(seq=row.seq, purged_seq=row.purged_seq, embedder=identity_of(row))

    def live_count(self, collection: Collection) -> int:
        with reading(self._engine) as db:
            return int(
                db.execute(
                    select(func.count()).where(
                        s.chunks.c.collection_id == collection.id, s.chunks.c.dead_seq.is_(None)
                    )
                ).scalar_one()
            )

    def changes(self, collection: Collection, after: int) -> Iterator[IndexChange]:
        """Everything that happened after ``after``, in bounded pieces; the last carries the seq.

        Each piece tells of the same moment, whatever is committed meanwhile. Vectors are those of the
        embedder of ``collection``. Raises Reembedded where that is not its embedder any more.
        """
        dim = collection.embedder.dim
        mine = s.chunks.c.collection_id == collection.id
        with one_moment(self._engine) as db:
            space = space_of(db, collection)
            if space is None or (seq := space.seq) <= after:
                return
            removed = db.execute(
                select(s.chunks.c.id).where(
                    mine, s.chunks.c.dead_seq > after, s.chunks.c.dead_seq <= seq, s.chunks.c.seq <= after
                )
            ).scalars()
            gone = np.fromiter(removed, dtype=np.int64)
            added = db.execution_options(yield_per=REPLAY_ROWS).execute(
                select(s.chunks.c.id, space.vector.label("vector"), *ANALYSED)
                .where(mine, s.chunks.c.seq > after, s.chunks.c.seq <= seq)
                .where(or_(s.chunks.c.dead_seq.is_(None), s.chunks.c.dead_seq > seq))
                .order_by(s.chunks.c.id)
            )
            yield _change(after, dim, removed=gone)
            for part in added.partitions():
                rows = [row for row in part if row.vector is not None]
                yield _change(after, dim, rows=rows, terms=[self._terms(row) for row in rows])
            yield _change(seq, dim)

    def _terms(self, row: Any) -> list[str]:
        """As analysed when the chunk was committed; now, for one from before terms were kept."""
        if row.terms is not None:
            return str(row.terms).split()
        return self._analyzer.terms(passage(row.context, row.text))

    def vectors(self, collection: Collection, ids: Ids) -> dict[int, Vectors]:
        """Id -> [dim], of those that live. Raises Reembedded as `changes` does."""
        with one_moment(self._engine) as db:
            space = space_of(db, collection)
            if space is None:
                return {}
            rows = db.execute(
                select(s.chunks.c.id, space.vector.label("vector")).where(
                    s.chunks.c.collection_id == collection.id,
                    s.chunks.c.dead_seq.is_(None),
                    s.chunks.c.id.in_(ids.tolist()),
                )
            ).all()
        matrix = _matrix([row.vector for row in rows], collection.embedder.dim)
        return dict(zip((row.id for row in rows), matrix, strict=True))

    def hits(self, collection: Collection, found: Mapping[int, Relevance]) -> list[Hit]:
        return [passage.hit for passage in self.passages(collection, found)]

    def passages(self, collection: Collection, found: Mapping[int, Relevance]) -> list[Passage]:
        """Live text of the chunks that a search named, best first. Whatever is dead or not this
        collection's is left out, so a wrong index can cost recall but never leak a text."""
        if not found:
            return []
        with reading(self._engine) as db:
            rows = db.execute(
                select(
                    *SHOWN,
                    s.chunks.c.context,
                    s.chunks.c.terms,
                    s.chunks.c.language,
                    s.documents.c.name,
                    s.documents.c.source,
                    s.documents.c.seen_at,
                    s.versions.c.title,
                    s.versions.c.origin,
                )
                .join(s.documents, s.documents.c.id == s.chunks.c.document_id)
                .join(s.versions, s.versions.c.id == s.chunks.c.version_id)
                .join(s.collections, s.collections.c.id == s.chunks.c.collection_id)
                .where(s.collections.c.tenant == collection.tenant, s.collections.c.id == collection.id)
                .where(s.chunks.c.id.in_(list(found)), s.chunks.c.dead_seq.is_(None))
                .where(s.documents.c.deleted_at.is_(None))
            ).all()
        passages = [
            Passage(
                terms=self._terms(row),
                hit=Hit(
                    chunk_id=row.id,
                    document_id=row.document_id,
                    title=row.title or row.name,
                    uri=row.origin.get("uri", row.source),
                    page=row.page,
                    start=row.start,
                    end=row.end,
                    text=row.text,
                    score=found[row.id].score,
                    dense=found[row.id].dense,
                    lexical=found[row.id].lexical,
                    coverage=found[row.id].coverage,
                    seen_at=row.seen_at,
                    embedder=collection.embedder.id,
                    language=row.language,
                ),
            )
            for row in rows
        ]
        return sorted(passages, key=lambda one: (-one.hit.score, one.hit.chunk_id))

    def allowed(self, collection: Collection, filters: Filters) -> npt.NDArray[np.int64]:
        """Ids of the live chunks whose document passes every filter. Raises InvalidRequest."""
        with reading(self._engine) as db:
            ids = db.execute(
                select(s.chunks.c.id)
                .join(s.documents, s.documents.c.id == s.chunks.c.document_id)
                .join(s.versions, s.versions.c.id == s.chunks.c.version_id)
                .where(s.chunks.c.collection_id == collection.id, s.chunks.c.dead_seq.is_(None))
                .where(*tests(filters, db.dialect.name))
                .order_by(s.chunks.c.id)
            ).scalars()
            return np.fromiter(ids, dtype=np.int64)


def _change(
    seq: int,
    dim: int,
    *,
    rows: Sequence[Any] = (),
    terms: Sequence[list[str]] = (),
    removed: Ids | None = None,
) -> IndexChange:
    return IndexChange(
        seq=seq,
        added=np.array([row.id for row in rows], np.int64),
        vectors=_matrix([row.vector for row in rows], dim),
        terms=list(terms),
        removed=np.empty(0, np.int64) if removed is None else removed,
    )


def _matrix(rows: Sequence[bytes], dim: int) -> Vectors:
    return np.frombuffer(b"".join(rows), dtype="<f4").reshape(len(rows), dim).astype(np.float32, copy=False)
