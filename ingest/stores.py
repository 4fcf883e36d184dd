"""Places that an operator names, in which files lie: what can be asked of one, and how it is written down."""

import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from indexes.errors import FetchFailed, SimurghError
from indexes.records import LeftOut

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
WEB = ("http", "https")
T = TypeVar("T")
Keep = Callable[[BinaryIO, int], str]  # a stream, and its size as far as is known, to its sha256


@dataclass(frozen=True, kw_only=True)
class Entry:
    path: str  # from the store's root, with slashes between
    size: int  # bytes
    validators: Mapping[str, str]  # the same while the bytes are; empty where the store tells nothing


@dataclass(frozen=True, kw_only=True)
class Copied:
    sha256: str
    validators: Mapping[str, str]


class Store(Protocol):
    @property
    def folder(self) -> Path | None:
        """Where its changes can be watched; None where they cannot."""
        ...

    def entries(self, path: str) -> Iterator[Entry | LeftOut]:
        """The files below a folder of it, hidden ones left aside. No byte of any file is read.

        A ``LeftOut`` that ends with a slash stands for all that is below it.
        Raises FetchFailed, and Unavailable where it may pass.
        """
        ...

    def read(self, path: str, keep: Keep) -> Copied:
        """Give ``keep`` the bytes of a file. Raises FetchFailed for this file alone, Unavailable, and what
        ``keep`` raises."""
        ...


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a store is, as its settings say it."""

    folder: Path | None = None
    url: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)  # they may hold secrets


def place(name: str, given: object) -> Place:
    """``given``: a folder, or an object with ``url`` and the options of its file system.

    Raises ValueError with what is wrong, which never holds any of the options."""
    if not NAME.fullmatch(name) or name.lower() in WEB:
        raise ValueError(f"{name!r} cannot name a store: letters, digits, _ and - can")
    options = {"url": given} if isinstance(given, str) else given
    if not isinstance(options, dict) or not isinstance(options.get("url"), str):
        raise ValueError(f"the store {name!r} is a folder, or an object with `url` and options")
    url = options["url"]
    rest = {key: value for key, value in options.items() if key != "url"}
    scheme, separator, tail = url.partition("://")
    if not separator or scheme == "file":
        folder = Path(tail if separator else url)
        if not folder.is_absolute() or ".." in folder.parts or rest:
            raise ValueError(f"the store {name!r} is not an absolute path, alone and without `..`")
        return Place(folder=folder)
    from ingest.bucket import PROTOCOLS

    if scheme not in PROTOCOLS or "::" in url:
        raise ValueError(f"the store {name!r} must be a folder, or at one of {', '.join(PROTOCOLS)}")
    parts = urlsplit(url)
    if not parts.netloc or parts.query or parts.fragment or ".." in parts.path.split("/"):
        raise ValueError(f"the store {name!r} must be an address such as s3://bucket/folder")
    if parts.password is not None:
        raise ValueError(f"the store {name!r} has a password in its address: give it as an option")
    return Place(url=url.rstrip("/"), options=rest)


def open_store(name: str, given: object, *, timeout: float) -> Store:
    """Nothing is connected to before it is used. ``timeout``: seconds. Raises ValueError as `place` does."""
    from ingest.bucket import Bucket
    from ingest.folder import Folder

    where = place(name, given)
    if where.folder is not None:
        return Folder(where.folder)
    return Bucket(name, where.url, where.options, timeout=timeout)


def named(stores: Mapping[str, T], name: str) -> T:
    """Raises FetchFailed for one that is named no more."""
    if name not in stores:
        raise FetchFailed(f"there is no store {name!r} any more", code="gone")
    return stores[name]


class _Guarded(io.RawIOBase):
    """A stream whose own failures are told apart from those of whoever writes down what it gives."""

    def __init__(self, stream: Any, failure: Callable[[Exception], SimurghError]) -> None:
        super().__init__()
        self._stream = stream
        self._failure = failure

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self._stream.read(size))
        except Exception as error:
            raise self._failure(error) from error


def guarded(stream: Any, failure: Callable[[Exception], SimurghError]) -> BinaryIO:
    return cast(BinaryIO, _Guarded(stream, failure))
