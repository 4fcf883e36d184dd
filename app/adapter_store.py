"""Adapters on disk: ``adapters/<sha256>/``, content-addressed and immutable, the manifest written last."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexes.blobs import sha256_of
from indexes.durable import make_folder, sync, sync_tree
from indexes.errors import StorageFull

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
CANARY = "canary.json"  # of those that were trained here: see app.canary
MANIFEST = "manifest.json"
FILES = (CONFIG, WEIGHTS, CANARY)  # that are kept of an adapter


class AdapterStore:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder(self, sha256: str) -> Path:
        return (self._folder / sha256).absolute()

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder to check an upload in, on the same disk; gone afterwards. Raises StorageFull."""
        try:
            make_folder(self._folder)
            scratch = Path(tempfile.mkdtemp(dir=self._folder, prefix="incoming-"))
        except OSError as error:
            raise StorageFull(f"cannot store the adapter ({error.strerror})") from error
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def keep(self, scratch: Path) -> str:
        """Move a checked adapter to its place; returns the sha256 of its files. Raises StorageFull."""
        digests = {file.name: sha256_of(file) for file in peft_files(scratch)}
        sha256 = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
        target = self.folder(sha256)
        try:
            if not (target / MANIFEST).exists():
                (scratch / MANIFEST).write_text(json.dumps({"sha256": sha256, "files": digests}, indent=1))
                sync_tree(scratch)
                scratch.chmod(0o755)  # an engine may run as somebody else
                _rename(scratch, target)
            sync(self._folder)  # where it was there already too: who put it there may have been killed before
        except OSError as error:
            raise StorageFull(f"cannot store the adapter ({error.strerror})") from error
        return sha256


def peft_files(folder: Path) -> list[Path]:
    """The two files of an adapter, as PEFT saves it, and its canary if it was trained here."""
    canary = folder / CANARY
    return [folder / CONFIG, folder / WEIGHTS, *([canary] if canary.exists() else [])]


def _rename(scratch: Path, target: Path) -> None:
    try:
        scratch.rename(target)
    except OSError:
        if not (target / MANIFEST).exists():  # else another upload of the same content was quicker
            raise
