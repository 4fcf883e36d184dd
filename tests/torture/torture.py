"""The lanes side by side: one for each database."""

import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from indexes.database import open_database
from tests.torture.lane import FORKS, Lane, Outcome, Say

PRELOADED = (  # so that no victim spends its life importing; the last ones are imported on first use
    "tests.torture.victim",
    "anyio._backends._asyncio",
    "dbos._sys_db_postgres",
    "dbos._sys_db_sqlite",
    "encodings.idna",
    "httpcore",
    "numpy.ma",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlite3",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
)


def torture(
    urls: Mapping[str, str], folder: Path, *, kills: int, seed: int, say: Say, enough: threading.Event
) -> dict[str, Outcome]:
    """``kills`` for each database; fewer when there is ``enough``, as there is when a lane has failed. Raises
    AssertionError for whatever was lost, doubled or back."""
    FORKS.set_forkserver_preload([*PRELOADED])
    databases = {name: open_database(url) for name, url in urls.items()}  # Alembic bears no two at once
    try:
        lanes = [
            Lane(name, database, folder / name, kills=kills, seed=seed + at, say=say, enough=enough)
            for at, (name, database) in enumerate(databases.items())
        ]
        with ThreadPoolExecutor(len(lanes)) as pool:
            running = {lane.name: pool.submit(lane.run) for lane in lanes}
            done, _ = wait(running.values(), return_when=FIRST_EXCEPTION)
            if any(one.exception() for one in done):
                enough.set()
            return {name: one.result() for name, one in running.items()}
    finally:
        for database in databases.values():
            database.dispose()
