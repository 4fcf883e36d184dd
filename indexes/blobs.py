"""Bytes as they came, content-addressed: ``files/<first two hex digits>/<sha256>``."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from indexes.errors import DocumentNotFound, StorageFull, TooLarge

BLOCK = 1 << 20  # bytes


class Blobs:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, stream: BinaryIO, *, max_bytes: int) -> str:
        """Store a stream durably; returns its sha256. Raises TooLarge, StorageFull."""
        digest = hashlib.sha256()
        size = 0
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix="incoming-", delete=False) as out:
                try:
                    while block := stream.read(BLOCK):
                        size += len(block)
                        if size > max_bytes:
                            raise TooLarge(
                                f"the file is larger than {max_bytes >> 20} MiB: split it, or raise "
                                "SIMURGH_MAX_UPLOAD_MIB"
                            )
                        digest.update(block)
                        out.write(block)
                    out.flush()
                    os.fsync(out.fileno())
                    sha256 = digest.hexdigest()
                    target = self.path(sha256)
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


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Make a file's bytes, or the renames in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _full(error: OSError) -> StorageFull:
    return StorageFull(f"cannot write under the data folder ({error.strerror}): free some space")
