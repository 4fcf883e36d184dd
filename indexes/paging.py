"""Lists a page at a time, ordered by a moment and then by ids; a page is asked for after an id."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_

from indexes.errors import InvalidRequest
from indexes.records import Page


def page_of(
    db: Connection,
    query: Select[Any],
    *,
    moment: ColumnElement[float],
    id_: ColumnElement[str],
    limit: int,
    after: str | None,
    what: str,
    newest_first: bool = False,
) -> Page[Row[Any]]:
    """Rows of ``query`` behind that with the id ``after``. Raises InvalidRequest where there is no such row;
    ``what`` it lists is for the message."""
    if after is not None:
        start = db.execute(query.where(id_ == after).with_only_columns(moment)).one_or_none()
        if start is None:
            raise InvalidRequest(f"there is no {what} {after!r} to list after", param="after")
        behind = moment < start[0] if newest_first else moment > start[0]
        query = query.where(or_(behind, and_(moment == start[0], id_ > after)))
    query = query.order_by(moment.desc() if newest_first else moment, id_).limit(limit + 1)
    rows = list(db.execute(query))
    return Page(data=rows[:limit], has_more=len(rows) > limit)


def paged(rows: list[Any], *, key: Callable[[Any], str], limit: int, after: str | None) -> Page[Any]:
    """The same of a list at hand: what follows the row whose key is ``after``."""
    if after is not None:
        keys = [key(row) for row in rows]
        if after not in keys:
            raise InvalidRequest(f"there is no {after!r} to list after", param="after")
        rows = rows[keys.index(after) + 1 :]
    return Page(data=rows[:limit], has_more=len(rows) > limit)
