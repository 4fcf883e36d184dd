"""Takes the files of a PEFT LoRA out of what was uploaded, and nothing else."""

import gzip
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from app.adapter_store import CANARY, CONFIG, FILES, WEIGHTS
from indexes.errors import InvalidAdapter, StorageFull, TooLarge

MAX_BYTES = 2 << 30  # unpacked
MAX_TEXT_BYTES = 1 << 20
MAX_ENTRIES = 1000
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
BLOCK = 1 << 20
# What reading a damaged archive raises, beside OSError (a bad gzip or bzip2 stream).
UNREADABLE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)

Entry = tuple[str, int, Callable[[], IO[bytes]]]  # path, size, opener


def unpack(files: Sequence[tuple[str, BinaryIO]], folder: Path) -> None:
    """``files`` are (name, stream): one .zip or .tar.gz, or the .safetensors and its config,
    with its canary if it has one.

    Raises InvalidAdapter (``unsafe_path``, ``pickle_refused``, ``incomplete_adapter``, ...), TooLarge.
    """
    found: set[str] = set()
    try:
        for path, size, opener in _entries(files):
            name = _wanted(path)
            if name is None:
                continue
            if name in found:
                raise InvalidAdapter(f"it holds {name} twice", param="file", code="incomplete_adapter")
            found.add(name)
            _copy(
                opener, folder / name, declared=size, limit=MAX_BYTES if name == WEIGHTS else MAX_TEXT_BYTES
            )
    except (*UNREADABLE, OSError) as error:
        raise _unreadable(str(error)) from error
    missing = {CONFIG, WEIGHTS} - found
    if missing:
        raise InvalidAdapter(
            f"{' and '.join(sorted(missing))} not found: send a .zip or .tar.gz of a PEFT adapter, or "
            "its two files",
            param="file",
            code="incomplete_adapter",
        )


def _entries(files: Sequence[tuple[str, BinaryIO]]) -> Iterator[Entry]:
    for name, stream in files:
        start = stream.read(4)
        stream.seek(0)
        if start.startswith(b"PK"):
            with zipfile.ZipFile(stream) as archive:
                for info in _counted(archive.infolist()):
                    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                        raise _unreadable("only stored and deflated entries are read")
                    if (info.external_attr >> 16) & 0o170000 == 0o120000:
                        raise _unsafe(info.filename)
                    if not info.is_dir():
                        yield info.filename, info.file_size, lambda i=info: archive.open(i)  # type: ignore[misc]
        elif start.startswith(b"\x1f\x8b"):
            with _Unzipped(stream) as unzipped, tarfile.open(fileobj=unzipped, mode="r:") as tar:
                for count, member in enumerate(tar, 1):
                    _check_count(count)
                    if member.size > MAX_BYTES or tar.offset > 2 * MAX_BYTES or member.issparse():
                        raise _too_large(PurePosixPath(member.name).name, MAX_BYTES)
                    if member.issym() or member.islnk() or member.isdev():
                        raise _unsafe(member.name)
                    if member.isfile():
                        yield member.name, member.size, lambda m=member: tar.extractfile(m)  # type: ignore[misc]
        else:
            yield _meant(name), -1, lambda s=stream: s  # type: ignore[misc]


def _meant(name: str) -> str:
    """Of a file that came alone: its end tells what it is, whatever it is called."""
    path = PurePosixPath(name)
    if path.suffix == ".safetensors":
        return WEIGHTS
    if path.suffix == ".json" and path.name != CANARY:
        return CONFIG
    return name


def _wanted(path: str) -> str | None:
    """The name to keep an entry under; None for what is passed over (readme, tokenizer, ...)."""
    pure = PurePosixPath(path.replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or ":" in path:
        raise _unsafe(path)
    if pure.suffix.lower() in PICKLES:
        raise InvalidAdapter(
            f"{pure.name} is a pickle, which can run code: save the adapter as safetensors",
            param="file",
            code="pickle_refused",
        )
    return pure.name if pure.name in FILES else None


def _copy(opener: Callable[[], IO[bytes]], target: Path, *, declared: int, limit: int) -> None:
    if declared > limit:
        raise _too_large(target.name, limit)
    size = 0
    source = opener()
    with _storing():
        out = target.open("wb")
    with out:
        while block := source.read(BLOCK):
            size += len(block)
            if size > limit:  # whatever the archive's directory says
                raise _too_large(target.name, limit)
            with _storing():
                out.write(block)
                out.flush()


@contextmanager
def _storing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFull(f"cannot store the adapter ({error.strerror})") from error


class _Unzipped(gzip.GzipFile):
    """tarfile reads a member's extended header at once, however long it says that it is."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(fileobj=stream, mode="rb")

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= BLOCK:
            raise _unreadable("a header in it is longer than any adapter needs")
        return super().read(size)


def _counted(infos: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    _check_count(len(infos))
    return infos


def _check_count(count: int) -> None:
    if count > MAX_ENTRIES:
        raise TooLarge(f"the archive holds more than {MAX_ENTRIES} files", param="file")


def _too_large(name: str, limit: int) -> TooLarge:
    return TooLarge(f"{name} is larger than {limit >> 20} MiB", param="file")


def _unreadable(reason: str) -> InvalidAdapter:
    return InvalidAdapter(f"the archive cannot be read: {reason}", param="file", code="bad_archive")


def _unsafe(path: str) -> InvalidAdapter:
    return InvalidAdapter(
        f"the archive holds an unsafe path: {path[:200]!r}", param="file", code="unsafe_path"
    )
