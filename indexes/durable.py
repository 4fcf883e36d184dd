"""What outlives a power cut: bytes by the sync of their file, a name by the sync of the folder it is in."""

import contextlib
import os
from pathlib import Path


def sync(path: Path) -> None:
    """Make a file's bytes, or the names in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """With those above it. Its name is synced even where it was there already: who made it may have been
    killed before that. Raises OSError."""
    if not path.parent.exists():
        make_folder(path.parent)
    path.mkdir(exist_ok=True)
    with contextlib.suppress(PermissionError):  # one that we may not read we did not write to either
        sync(path.parent)


def sync_tree(folder: Path) -> None:
    """All files below it, and all names."""
    for path in folder.rglob("*"):
        if path.is_file():
            sync(path)
    sync_names(folder)


def sync_names(folder: Path) -> None:
    """Of all that is below it, where the files themselves are synced already."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            sync(path)
