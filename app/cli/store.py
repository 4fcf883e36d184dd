"""`simurgh purge`, `backup`, `restore` and `verify`: work on what is stored."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.client import load_settings
from app.cli.output import AsJson, as_json, err, fail, out
from indexes.backup import Backup
from indexes.errors import SimurghError


def purge(as_json_: AsJson = False) -> None:
    """Remove at once what is left of deleted documents. A running service does so by itself every few hours.

    Bytes that were uploaded within the last hour stay until the next time.
    """
    from app.maintenance import purge as run

    done = run(load_settings())
    if as_json_:
        as_json({"documents": done.documents, "chunks": done.chunks, "files": done.files})
    else:
        out.print(f"Removed for good: {done.documents} documents, {done.chunks} chunks, {done.files} files.")


def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder for it.")], as_json_: AsJson = False
) -> None:
    """Save documents, their bytes and the adapters into a folder, beside a running service."""
    from indexes.backup import back_up

    settings = load_settings()
    try:
        made = back_up(settings.database, settings.data_dir, folder)
    except SimurghError as error:
        fail(error.message)
    _told("Saved", made, folder, as_json_)


def restore(folder: Annotated[Path, typer.Argument(help="The backup.")], as_json_: AsJson = False) -> None:
    """Bring a backup into an empty data folder. Stop the service first; its indexes are built anew."""
    from indexes.backup import restore as run

    settings = load_settings()
    try:
        made = run(settings.database, settings.data_dir, folder)
    except SimurghError as error:
        fail(error.message)
    _told("Restored", made, folder, as_json_)


def verify(as_json_: AsJson = False) -> None:
    """Read everything that is stored and say what is not as it should be; exit status 1 if anything is."""
    from app.maintenance import verify as run

    found = run(load_settings())
    if as_json_:
        as_json({"documents": found.documents, "chunks": found.chunks, "problems": found.problems})
    else:
        for problem in found.problems:
            err.print(problem, highlight=False, markup=False)
        out.print(f"{found.documents} documents, {found.chunks} chunks: {len(found.problems)} problems.")
    if found.problems:
        raise typer.Exit(1)


def _told(what: str, made: Backup, folder: Path, json_too: bool) -> None:
    if json_too:
        as_json({"created_at": made.created_at, "files": made.files, "bytes": made.bytes})
    else:
        out.print(f"{what}: {made.files} files, {made.bytes / 2**20:.1f} MiB, {folder}", highlight=False)
