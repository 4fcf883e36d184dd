"""The migrations lead to the schema that the code works with."""

from concurrent.futures import ThreadPoolExecutor

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, select, text

from indexes import schema as s
from indexes.database import configuration, open_database, upgrade
from indexes.schema import metadata
from indexes.turns import waiting_versions


def test_head_is_the_schema(empty_url: str) -> None:
    engine = open_database(empty_url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    upgrade(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar_one() == 1
    engine.dispose()


def test_processes_that_start_together(empty_url: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        engines = list(pool.map(open_database, [empty_url] * 3))
    assert set(metadata.tables) <= set(inspect(engines[0]).get_table_names())
    for engine in engines:
        engine.dispose()


def test_chunks_of_the_first_schema_are_kept(empty_url: str) -> None:
    old = create_engine(empty_url)
    with old.begin() as connection:
        command.upgrade(configuration(connection), "0001")
        for statement in FIRST_ROWS:
            connection.execute(text(statement), {"vector": b"1234"} if ":vector" in statement else {})
    old.dispose()
    engine = open_database(empty_url)
    with engine.connect() as connection:
        [row] = connection.execute(select(s.chunks)).all()
    assert waiting_versions(engine, limit=9) == ["w"]
    assert (row.text, bytes(row.vector), row.seq) == ("a bird", b"1234", 1)
    assert (row.context, row.language, row.terms) == ("", None, None)
    engine.dispose()


FIRST_ROWS = (
    "INSERT INTO collections VALUES ('c', 'default', 'default', '', NULL, 'e', 1, '', '', 1, 0)",
    "INSERT INTO jobs VALUES ('j', 'default', 'c', 'succeeded', 'succeeded', 1, 1, 0, 0)",
    "INSERT INTO documents VALUES ('d', 'c', 'file:a', 'a', '[]', '{}', 'v', 0, NULL)",
    "INSERT INTO versions (id, document_id, job_id, ordinal, status, attempts, chunks_done, chunks_total, "
    "origin, created_at) VALUES ('v', 'd', 'j', 0, 'done', 1, 1, 1, '{}', 0)",
    "INSERT INTO versions (id, document_id, job_id, ordinal, status, attempts, chunks_done, chunks_total, "
    "origin, created_at) VALUES ('w', 'd', 'j', 1, 'queued', 0, 0, 0, '{}', 1)",
    'INSERT INTO chunks (collection_id, document_id, version_id, start, "end", text, vector, seq) '
    "VALUES ('c', 'd', 'v', 0, 6, 'a bird', :vector, 1)",
)
