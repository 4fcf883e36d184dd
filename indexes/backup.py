"""Backups: one folder with the database, the documents' bytes and the adapters, complete or not at all.

Indexes are derived and not in it. The manifest, written last, names every file with its hash.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete

from indexes import schema as s
from indexes.blobs import sha256_of
from indexes.database import open_database, writing
from indexes.dumps import dump_of
from indexes.durable import make_folder, sync, sync_names
from indexes.errors import Conflict, InvalidRequest, StorageFull

MANIFEST = "manifest.json"
DATABASE = "database"
FOLDERS = ("files", "adapters")  # under the data folder; what lies in them never changes
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Backup:
    created_at: float
    files: int
    bytes: int


def back_up(url: str, data_dir: Path, target: Path) -> Backup:
    """Beside a running service. Raises Conflict where ``target`` holds something, StorageFull, Unavailable.

    Bytes are stored before a row names them: they are copied before the database, and what came meanwhile
    after it, so that whatever the copy of the database names is there.
    """
    if target.exists() and any(target.iterdir()):
        raise Conflict(f"{target} holds something already: name a new folder")
    try:
        make_folder(target)
        created_at = time.time()
        _copy(data_dir, target)
        dump_of(url).write(target / DATABASE)
        _copy(data_dir, target)
        files = {str(path.relative_to(target)): sha256_of(path) for path in _files(target)}
        size = sum(path.stat().st_size for path in _files(target))
        manifest = {"format": FORMAT, "created_at": created_at, "files": files}
        partial = target / f"{MANIFEST}.tmp"
        partial.write_text(json.dumps(manifest, indent=1))
        sync(partial)
        sync_names(target)
        partial.rename(target / MANIFEST)
        sync(target)
    except OSError as error:
        raise StorageFull(f"cannot write the backup: {error.strerror}") from error
    return Backup(created_at=created_at, files=len(files), bytes=size)


def restore(url: str, data_dir: Path, source: Path) -> Backup:
    """Into an empty data folder and an empty database; the service must be stopped.

    The backup is checked whole before anything is written, and the database comes last. Raises
    InvalidRequest for a backup that is damaged or incomplete, Conflict, StorageFull, Unavailable.
    """
    manifest = _checked(source)
    for name in FOLDERS:
        if (data_dir / name).is_dir() and any((data_dir / name).iterdir()):
            raise Conflict(f"{data_dir / name} holds something already: restore into an empty folder")
    try:
        make_folder(data_dir)
        _copy(source, data_dir)
        sync_names(data_dir)
        dump_of(url).read(source / DATABASE)
    except OSError as error:
        raise StorageFull(f"cannot restore into {data_dir}: {error.strerror}") from error
    database = open_database(url)
    try:
        with writing(database) as db:
            db.execute(delete(s.snapshots))  # their files are not in a backup
    finally:
        database.dispose()
    size = sum(path.stat().st_size for path in _files(source))
    return Backup(created_at=manifest["created_at"], files=len(manifest["files"]), bytes=size)


def _checked(source: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((source / MANIFEST).read_text())
        files = dict(manifest["files"])
        if manifest["format"] != FORMAT:
            raise InvalidRequest(f"{source} is of another format: {manifest['format']!r}")
    except FileNotFoundError as error:
        raise InvalidRequest(f"{source} is no complete backup: it has no {MANIFEST}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidRequest(f"the {MANIFEST} of {source} is damaged") from error
    there = {str(path.relative_to(source)): path for path in _files(source)}
    for name, sha256 in files.items():
        if name not in there or sha256_of(there[name]) != sha256:
            raise InvalidRequest(f"the backup is damaged: {name} is not what was saved")
    return dict(manifest)


def _copy(source: Path, target: Path) -> None:
    """What is not there yet; on the same disk without taking space, for the files never change."""
    for path in _files(source, FOLDERS):
        copy = target / path.relative_to(source)
        if copy.exists():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, copy)
        except FileNotFoundError:
            continue  # it was purged just now: no row names it
        except OSError:  # another disk, or one that knows no links
            shutil.copyfile(path, copy)
            sync(copy)


def _files(folder: Path, parts: tuple[str, ...] = (*FOLDERS, DATABASE)) -> Iterator[Path]:
    for part in parts:
        if (folder / part).is_file():
            yield folder / part
        for path in sorted((folder / part).rglob("*")):
            if path.is_file() and not any(one.startswith("incoming-") for one in path.parts):
                yield path
