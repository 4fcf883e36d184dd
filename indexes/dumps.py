"""A consistent copy of the database while others write to it, and the way back."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, make_url

from indexes.durable import make_folder, sync
from indexes.errors import Conflict, Unavailable

PAGES = 1_000  # of SQLite that are copied at a time: writers get in between


class Dump(Protocol):
    def write(self, target: Path) -> None:
        """Of one moment. Raises Unavailable."""
        ...

    def read(self, source: Path) -> None:
        """Into a database that holds nothing yet. Raises Conflict, Unavailable."""
        ...


def dump_of(url: str) -> Dump:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return SqliteDump(Path(str(parsed.database)))
    return PostgresDump(parsed)


class SqliteDump:
    def __init__(self, file: Path) -> None:
        self._file = file

    def write(self, target: Path) -> None:
        if not self._file.exists():
            raise Unavailable(f"there is no database at {self._file}")
        try:
            with closing(sqlite3.connect(self._file)) as source, closing(sqlite3.connect(target)) as copy:
                source.backup(copy, pages=PAGES)
        except sqlite3.Error as error:
            raise Unavailable(f"the database could not be copied: {error}") from error

    def read(self, source: Path) -> None:
        if self._file.exists():
            raise Conflict(f"there is a database at {self._file} already: restore into an empty folder")
        make_folder(self._file.parent)
        partial = self._file.with_suffix(".restoring")
        partial.unlink(missing_ok=True)
        SqliteDump(source).write(partial)
        partial.rename(self._file)
        sync(self._file.parent)


class PostgresDump:
    """By PostgreSQL's own `pg_dump` and `pg_restore`, which must be on the path."""

    def __init__(self, url: URL) -> None:
        bare = url._replace(drivername="postgresql", password=None)  # `set` would leave the password
        self._address = bare.render_as_string(hide_password=False)
        self._password = str(url.password) if url.password is not None else None

    def write(self, target: Path) -> None:
        self._run("pg_dump", "--format=custom", "--no-owner", "--file", str(target), self._address)

    def read(self, source: Path) -> None:
        options = ("--no-owner", "--exit-on-error", "--single-transaction")
        self._run("pg_restore", *options, "--dbname", self._address, str(source))

    def _run(self, *command: str) -> None:
        # A password on the command line could be read by everybody on the machine.
        environment = dict(os.environ) | ({"PGPASSWORD": self._password} if self._password else {})
        try:
            done = subprocess.run(  # noqa: S603  no shell; the address is the operator's own
                command, env=environment, capture_output=True, text=True, check=False
            )
        except FileNotFoundError as error:
            raise Unavailable(f"{command[0]} is not installed: it comes with PostgreSQL") from error
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[0]
            kind = Conflict if "already exists" in done.stderr else Unavailable
            raise kind(f"{command[0]} failed: {reason}")
