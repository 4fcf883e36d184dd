"""Numbers about what is stored, for whoever runs it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, Text, case, cast, func, select

from indexes import schema as s
from indexes.database import reading


@dataclass(frozen=True, kw_only=True)
class Figures:
    documents: int  # that answer
    chunks: int
    versions: Mapping[str, int]  # by status
    failures: Mapping[str, int]  # failed versions, by code
    failing_sources: int  # whose last pull failed
    pages_per_second: float  # that were brought to answer lately; a text without pages counts as one


LATELY = 300.0  # seconds


def figures(engine: Engine) -> Figures:
    """Raises Unavailable."""
    with reading(engine) as db:
        status = select(s.versions.c.status, func.count()).group_by(s.versions.c.status)
        code = select(func.coalesce(s.versions.c.error_code, "unknown"), func.count()).where(
            s.versions.c.status == "failed"
        )
        answering = s.documents.c.deleted_at.is_(None) & s.documents.c.version_id.is_not(None)
        starts = s.versions.c.page_starts
        listed = case((cast(starts, Text).startswith("["), starts))  # JSON's null is not SQL's
        pages = func.coalesce(func.json_array_length(listed), 1)
        lately = (s.versions.c.status == "done") & (s.versions.c.finished_at > time.time() - LATELY)
        return Figures(
            documents=db.execute(select(func.count(s.documents.c.id)).where(answering)).scalar_one(),
            chunks=db.execute(
                select(func.count(s.chunks.c.id)).where(s.chunks.c.dead_seq.is_(None))
            ).scalar_one(),
            versions={row[0]: row[1] for row in db.execute(status)},
            failures={row[0]: row[1] for row in db.execute(code.group_by(s.versions.c.error_code))},
            failing_sources=db.execute(
                select(func.count(s.sources.c.id)).where(s.sources.c.error.is_not(None))
            ).scalar_one(),
            pages_per_second=(db.execute(select(func.sum(pages)).where(lately)).scalar_one() or 0) / LATELY,
        )
