"""Filters of a search: which documents' passages may be found."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, func, or_, select

from indexes import schema as s
from indexes.errors import InvalidRequest
from indexes.records import Filters

FILTERABLE = ("tag", "document_id", "source", "name", "media_type")
TIMES = {
    "created": s.documents.c.created_at,
    "updated": func.coalesce(s.versions.c.finished_at, s.versions.c.created_at),
}
BOUNDS = tuple(f"{time}_{bound}" for time in TIMES for bound in ("after", "before"))


def tests(filters: Filters, dialect: str) -> list[ColumnElement[bool]]:
    """Over documents joined with the versions that answer; all must hold. Raises InvalidRequest."""
    return [_test(name, values, dialect) for name, values in filters.items()]


def _test(name: str, values: Sequence[str], dialect: str) -> ColumnElement[bool]:
    if name == "tag":
        return or_(*(_json_array_has(s.documents.c.tags, value, dialect) for value in values))
    if name == "document_id":
        return s.documents.c.id.in_(values)
    if name in ("source", "name"):
        return s.documents.c[name].in_(values)
    if name == "media_type":
        return s.versions.c.media_type.in_(values)
    if name in BOUNDS:
        return _bound(name, values)
    if name.startswith("metadata."):
        field = s.documents.c.metadata[name.removeprefix("metadata.")]
        found = field.as_string().in_(values)
        if dialect == "sqlite":  # which takes true for 1
            path = f'$."{name.removeprefix("metadata.")}"'
            truth = [value for value in values if value in ("true", "false")]
            found = or_(found, func.json_type(s.documents.c.metadata, path).in_(truth))
        return and_(field.is_not(None), found)
    raise InvalidRequest(
        f"cannot filter by {name!r}: use one of {', '.join((*FILTERABLE, *BOUNDS))} or metadata.<field>",
        param="filters",
    )


def _bound(name: str, values: Sequence[str]) -> ColumnElement[bool]:
    time, bound = name.split("_")
    if len(values) != 1:
        raise InvalidRequest(f"{name!r} takes one time", param="filters")
    try:
        when = datetime.fromisoformat(values[0])
    except ValueError as error:
        raise InvalidRequest(
            f"{values[0]!r} is not a time: write it as 2026-01-31 or 2026-01-31T12:00:00Z", param="filters"
        ) from error
    seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    return TIMES[time] >= seconds if bound == "after" else TIMES[time] < seconds


def _json_array_has(column: Any, value: str, dialect: str) -> ColumnElement[bool]:
    elements = func.json_array_elements_text if dialect == "postgresql" else func.json_each
    each = elements(column).table_valued("value").alias()
    return select(1).select_from(each).where(cast(each.c.value, String) == value).exists()
