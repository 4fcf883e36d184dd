"""What a process did to a folder, in order. Paths are relative to the folder; sizes and offsets in bytes."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Create:
    """A file, empty."""

    path: str


@dataclass(frozen=True, kw_only=True)
class MakeFolder:
    path: str


@dataclass(frozen=True, kw_only=True)
class Write:
    path: str
    offset: int
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Resize:
    path: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Rename:
    path: str
    to: str


@dataclass(frozen=True, kw_only=True)
class Link:
    path: str
    to: str


@dataclass(frozen=True, kw_only=True)
class Remove:
    """The name of a file or of an empty folder."""

    path: str


@dataclass(frozen=True, kw_only=True)
class Sync:
    """Of a file's bytes and size, or of the names in a folder: what came before ``begun`` is on the disk."""

    path: str
    begun: int  # how many operations had been done when it began; others may have come in between


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A line that the process wrote to say what it has been promised."""

    text: str


Operation = Create | MakeFolder | Write | Resize | Rename | Link | Remove | Sync | Mark
