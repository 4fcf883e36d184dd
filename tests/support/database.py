"""Databases with the whole schema, one a test: SQLite as a file, PostgreSQL on a server. A pytest plugin."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from indexes.database import open_database
from tests.support import postgres
from tests.support.left_out import leave_out

TEMPLATE = "simurgh_template"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copying a migrated file is quicker than migrating anew for every test."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    open_database(f"sqlite:///{file}").dispose()
    return file


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Of a running server, with ``{}`` where the database's name goes."""
    programs = postgres.binaries()
    if programs is None:
        leave_out("PostgreSQL is not installed (apt-get install postgresql)")
    with postgres.running_server(programs) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> str:
    _administer(postgres_url, f"CREATE DATABASE {TEMPLATE}")
    open_database(postgres_url.format(TEMPLATE)).dispose()
    return postgres_url


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    """A database for tests that are about something else."""
    shutil.copy(sqlite_template, tmp_path / "simurgh.db")
    engine = open_database(f"sqlite:///{tmp_path / 'simurgh.db'}")
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each of the two databases that are supported, empty and up to date."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite")
        return
    url: str = request.getfixturevalue("postgres_template")
    name = f"test_{next(_numbers)}"
    _administer(url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    engine = open_database(url.format(name))
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("postgres_url")
    name = f"empty_{next(_numbers)}"
    _administer(url, f"CREATE DATABASE {name}")
    return url.format(name)


@pytest.fixture
def second_engine(database: Engine) -> Iterator[Callable[[], Engine]]:
    """Another process's view of the same database."""
    made: list[Engine] = []

    def make() -> Engine:
        made.append(open_database(database.url.render_as_string(hide_password=False)))
        return made[-1]

    yield make
    for engine in made:
        engine.dispose()


def _administer(url: str, statement: str) -> None:
    engine = create_engine(url.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
