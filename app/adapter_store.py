"""Adapters on disk: ``adapters/<sha256>/``, content-addressed and immutable, the manifest written last."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexes.blobs import sha256_of, sync
from indexes.errors import StorageFull

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
MANIFEST = "manifest.json"


class AdapterStore:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder(self, sha256: str) -> Path:
        return (self._folder / sha256).absolute()

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder to check an upload in, on the same disk; gone afterwards. Raises StorageFull."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(dir=self._folder, prefix="incoming-"))
        except OSError as error:
            raise StorageFull(f"cannot store the adapter ({error.strerror})") from error
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def keep(self, scratch: Path) -> str:
        """Move a checked adapter to its place; returns the sha256 of its two files. Raises StorageFull."""
        digests = {name: sha256_of(scratch / name) for name in (CONFIG, WEIGHTS)}
        sha256 = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
        target = self.folder(sha256)
        if (target / MANIFEST).exists():
            return sha256
        try:
            (scratch / MANIFEST).write_text(json.dumps({"sha256": sha256, "files": digests}, indent=1))
            for name in (*digests, MANIFEST):
                with (scratch / name).open("rb") as file:
                    os.fsync(file.fileno())
            sync(scratch)
            scratch.chmod(0o755)  # an engine may run as somebody else
            scratch.rename(target)
            sync(self._folder)
        except OSError as error:
            if (target / MANIFEST).exists():  # another upload of the same content was quicker
                return sha256
            raise StorageFull(f"cannot store the adapter ({error.strerror})") from error
        return sha256
