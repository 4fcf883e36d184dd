"""Engine and schema upgrades."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import DBAPIError, OperationalError

from indexes.durable import make_folder
from indexes.errors import StorageFull, Unavailable

BUSY_TIMEOUT_MS = 30_000
SPILL_PAGES = 16_384  # 64 MiB that a transaction may change before readers have to wait for its end
UPGRADE_LOCK = 0x51A049  # any number that all processes of one service share


def open_database(url: str) -> Engine:
    """Engine for SQLite or PostgreSQL, its schema brought up to date.

    SQLite runs with a rollback journal: the versions before 3.51.3 can lose a write when a WAL is reset. A
    commit is the journal's end. With ``synchronous=EXTRA`` that is on the disk when the commit returns; with
    FULL a power cut may bring the journal back, and with it the state before the commit.
    """
    if make_url(url).get_backend_name() == "sqlite":
        make_folder(Path(str(make_url(url).database)).parent)
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
        event.listen(engine, "connect", _sqlite_pragmas)
        event.listen(engine, "begin", _sqlite_begin)
    else:
        engine = create_engine(url, pool_pre_ping=True)
    upgrade(engine)
    return engine


def upgrade(engine: Engine) -> None:
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":  # two processes may start at once
            connection.execute(select(func.pg_advisory_xact_lock(UPGRADE_LOCK)))
        command.upgrade(configuration(connection), "head")


def configuration(connection: Connection) -> Config:
    """Of Alembic, for migrations over ``connection``."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    with _translated(), engine.connect() as connection:
        yield connection


@contextmanager
def one_moment(engine: Engine) -> Iterator[Connection]:
    """Reading of which every statement sees the same committed state. SQLite's always does."""
    with _translated(), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction. SQLite takes its write lock at the start, so no read in it can go stale."""
    with (
        _translated(),
        engine.connect().execution_options(simurgh_write=True) as connection,
        connection.begin(),
    ):
        yield connection


def vacuum(engine: Engine, tables: Sequence[str]) -> None:
    """Free the space of deleted rows. SQLite needs none of it: it overwrites what it deletes."""
    if engine.dialect.name == "postgresql":
        with _translated(), engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            alone.exec_driver_sql(f"VACUUM {', '.join(tables)}")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        text = str(error.orig).lower()
        if "full" in text or "no space" in text:
            raise StorageFull("the disk that holds the database is full: free some space") from error
        if "no such" in text or "has no column" in text or "syntax" in text:
            raise  # a fault of ours: no retry will mend it
        raise Unavailable(f"the database does not answer ({error.orig}): try again") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("the connection to the database was lost: try again") from error
        raise


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we emit BEGIN ourselves, below
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=DELETE")
    cursor.execute("PRAGMA synchronous=EXTRA")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA cache_spill={SPILL_PAGES}")
    cursor.execute("PRAGMA secure_delete=ON")  # a deleted text's bytes do not stay in free pages
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("simurgh_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
