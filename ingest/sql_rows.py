"""Rows of a query on a database that the operator named, read and never written."""

import datetime
import decimal
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from indexes.errors import UnreadableDocument
from ingest.handed import Payload
from ingest.json_api import titled

ROWS = 500  # read at a time
READ_ONLY = {  # how a database is told that nothing is to be written; it holds for the whole connection
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}


def database_items(url: str, spec: Mapping[str, Any]) -> Iterator[Payload]:
    """``spec``: the fields of `ingest.sources.Database`. Raises UnreadableDocument."""
    dialect = make_url(url).get_backend_name()
    if dialect not in READ_ONLY:
        raise UnreadableDocument(f"{dialect} cannot be held to reading only", code="database_failed")
    engine = create_engine(url)
    event.listen(engine, "connect", lambda connection, _record: _hold(connection, READ_ONLY[dialect]))
    try:
        for row in _rows(engine, spec):
            yield _payload(row, spec)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise UnreadableDocument(f"the query failed: {reason[:200]}", code="database_failed") from error
    finally:
        engine.dispose()


def _rows(engine: Engine, spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    with engine.connect() as connection:
        result = connection.execution_options(yield_per=ROWS).exec_driver_sql(spec["query"])
        missing = {spec["id"], *spec["text"], *spec["metadata"]} - set(result.keys())
        if missing:
            raise UnreadableDocument(f"the query gives no column {sorted(missing)[0]!r}", code="no_column")
        for row in result.mappings():
            yield {str(name): value for name, value in row.items()}


def _payload(row: Mapping[str, Any], spec: Mapping[str, Any]) -> Payload:
    found = _plain(row[spec["id"]])
    if found is None or found == "":
        raise UnreadableDocument(f"a row has no id in {spec['id']!r}", code="no_id")
    texts = [str(_plain(row[name])).strip() for name in spec["text"] if row[name] is not None]
    title, text = titled([one for one in texts if one])
    metadata = {name: _plain(row[name]) for name in spec["metadata"]}
    return Payload(id=str(found), title=title, text=text, metadata=metadata)


def _hold(connection: Any, statement: str) -> None:
    cursor = connection.cursor()
    cursor.execute(statement)
    cursor.close()
    connection.commit()


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return value if isinstance(value, str | int | float | list | dict | None) else str(value)
