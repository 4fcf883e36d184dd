"""What an operator does with the store: built from the settings for one command, without a service."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from app.settings import Settings
from indexes.blobs import Blobs
from indexes.database import open_database
from indexes.purge import Purge, Purged
from indexes.snapshots import Snapshots
from indexes.verify import Verified


def purge(settings: Settings) -> Purged:
    """At once, beside a running service or without one."""
    with _database(settings) as database:
        snapshots = Snapshots(database, settings.data_dir / "snapshots")
        return Purge(database, snapshots, _blobs(settings)).run()


def verify(settings: Settings) -> Verified:
    from indexes.verify import verify as run

    with _database(settings) as database:
        return run(database, _blobs(settings))


def _blobs(settings: Settings) -> Blobs:
    return Blobs(settings.data_dir / "files")


@contextmanager
def _database(settings: Settings) -> Iterator[Engine]:
    database = open_database(settings.database)
    try:
        yield database
    finally:
        database.dispose()
