"""Bytes as they came, content-addressed: ``files/<first two hex digits>/<sha256>``."""

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from indexes.durable import make_folder, sync
from indexes.errors import DocumentNotFound, StorageFull, TooLarge

BLOCK = 1 << 20  # bytes
ABANDONED = 86_400.0  # seconds; no upload takes as long


class Blobs:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, stream: BinaryIO, *, max_bytes: int, size: int = 0) -> str:
        """Store a stream durably; returns its sha256. What is known to be too large is not read.

        Raises TooLarge, StorageFull."""
        if size > max_bytes:
            raise _too_large(max_bytes)
        digest = hashlib.sha256()
        size = 0
        try:
            make_folder(self._folder)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix="incoming-", delete=False) as out:
                try:
                    while block := stream.read(BLOCK):
                        size += len(block)
                        if size > max_bytes:
                            raise _too_large(max_bytes)
                        digest.update(block)
                        out.write(block)
                    out.flush()
                    sha256 = digest.hexdigest()
                    target = self.path(sha256)
                    if self._renewed(target, sha256):
                        os.unlink(out.name)
                        return sha256
                    os.fsync(out.fileno())
                    with self._locked(fcntl.LOCK_SH):
                        target.parent.mkdir(exist_ok=True)
                        os.replace(out.name, target)
                except BaseException:
                    os.unlink(out.name)
                    raise
            sync(target.parent)
            sync(self._folder)
        except OSError as error:
            raise _full(error) from error
        return sha256

    def path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    def existing(self, sha256: str) -> Path:
        path = self.path(sha256)
        if not path.exists():
            raise DocumentNotFound("the original bytes of this document are not kept")
        return path

    def sweep(self, unwanted: Callable[[Sequence[str]], set[str]], *, idle: float) -> int:
        """Remove what is ``unwanted`` and was not stored in the last ``idle`` seconds; returns how many.

        Bytes are stored before a row names them, and storing them again makes them new: under the lock
        nothing can become new between the look at its age and its end.
        """
        removed = 0
        for folder in sorted(self._folder.glob("??")):
            names = unwanted([path.name for path in folder.iterdir()])
            removed += self._remove(folder, [folder / name for name in names], idle)
        abandoned = list(self._folder.glob("incoming-*"))  # what a crash left
        return removed + self._remove(self._folder, abandoned, max(idle, ABANDONED))

    def _renewed(self, path: Path, sha256: str) -> bool:
        """Whether the bytes are there already, and whole; then they count as stored just now."""
        with self._locked(fcntl.LOCK_SH):
            if not path.exists() or sha256_of(path) != sha256:
                return False
            os.utime(path)
        sync(path.parent)  # another process may have put it there this very moment
        sync(self._folder)
        return True

    def _remove(self, folder: Path, paths: Sequence[Path], idle: float) -> int:
        """Those of ``paths``, which lie in ``folder``, that are idle; then none comes back with the power."""
        removed = sum(self._remove_idle(path, idle) for path in paths)
        if removed:
            sync(folder)
        return removed

    def _remove_idle(self, path: Path, idle: float) -> bool:
        with self._locked(fcntl.LOCK_EX):
            try:
                if path.stat().st_mtime > time.time() - idle:
                    return False
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Among all processes that share the folder; freed when its holder ends, however it does."""
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, how)
            yield
        finally:
            os.close(handle)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(
        f"the file is larger than {max_bytes >> 20} MiB: split it, or raise SIMURGH_MAX_UPLOAD_MIB"
    )


def _full(error: OSError) -> StorageFull:
    return StorageFull(f"cannot write under the data folder ({error.strerror}): free some space")
