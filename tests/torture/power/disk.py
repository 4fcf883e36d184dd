"""A disk that forgets: what a power cut may leave of a row of operations.

Only what was synced is sure: a file's bytes by the sync of the file, its name by the sync of its folder, a
folder by the sync of the one that it lies in. Of the rest each sector, each file's size and each name is, by
itself, in any state that it had since. A rename within a folder is done or not; between two folders the new
name may be there beside the old one. The file systems in use promise more: what holds here holds there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from tests.torture.power.operations import (
    Create,
    Link,
    MakeFolder,
    Mark,
    Operation,
    Remove,
    Rename,
    Resize,
    Sync,
    Write,
)

Keep = Callable[
    [int], int
]  # of so many changes that were not synced, how many reached the disk, oldest first
Image = dict[str, bytes | None]  # by path: a file's bytes, None for a folder


@dataclass(frozen=True, kw_only=True)
class Cut:
    """How the power fails."""

    keep: Keep
    sector: int = 512
    fill: bytes = b"\0"  # what is in a sector that was given to a file and never written


@dataclass(eq=False)
class File:
    durable: bytes = b""
    pending: list[tuple[int, Write | Resize]] = field(default_factory=list)  # with the operation's number

    def sync(self, begun: int) -> None:
        done = [change for change in self.pending if change[0] < begun]
        self.durable = _content(self.durable, [change for _, change in done], Cut(keep=lambda count: count))
        self.pending = self.pending[len(done) :]

    def after(self, cut: Cut) -> bytes:
        return _content(self.durable, [change for _, change in self.pending], cut)


@dataclass(eq=False)
class Change:
    """Of one name in a folder."""

    at: int
    folder: "Folder"
    name: str
    node: "Node | None"  # None: the name is gone
    needs: "Change | None" = None  # where this is on the disk that is too


@dataclass(eq=False)
class Folder:
    durable: dict[str, "Node"] = field(default_factory=dict)
    now: dict[str, "Node"] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)

    def change(self, at: int, name: str, node: "Node | None") -> Change:
        self.pending.append(Change(at, self, name, node))
        _put(self.now, name, node)
        return self.pending[-1]

    def sync(self, begun: int) -> None:
        self._reach([change for change in self.pending if change.at < begun])

    def _reach(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change not in self.pending:
                continue
            self.pending.remove(change)
            _put(self.durable, change.name, change.node)
            if change.needs is not None:
                change.needs.folder._reach(_up_to(change.needs))


Node = File | Folder


class Disk:
    def __init__(self) -> None:
        self._root = Folder()
        self._done = 0

    def apply(self, operation: Operation) -> None:
        """Raises KeyError where the path is not there: then the record has a gap."""
        at = self._done
        self._done += 1
        match operation:
            case Create(path=path):
                folder, name = self._parent(path)
                folder.change(at, name, File())
            case MakeFolder(path=path):
                folder, name = self._parent(path)
                folder.change(at, name, Folder())
            case Write(path=path) | Resize(path=path):
                self._file(path).pending.append((at, operation))
            case Rename(path=path, to=to):
                self._rename(at, path, to)
            case Link(path=path, to=to):
                folder, name = self._parent(to)
                folder.change(at, name, self._node(path))
            case Remove(path=path):
                folder, name = self._parent(path)
                folder.change(at, name, None)
            case Sync(path=path, begun=begun):
                self._node(path).sync(begun)
            case Mark():
                pass

    def after(self, cut: Cut) -> Image:
        kept: set[int] = set()
        image: Image = {}
        self._draw(self._root, cut, kept)
        _list(self._root, "", cut, kept, image)
        return image

    def _rename(self, at: int, path: str, to: str) -> None:
        (source, name), (target, new) = self._parent(path), self._parent(to)
        come = target.change(at, new, source.now[name])
        gone = source.change(at, name, None)
        gone.needs = come
        if source is target:
            come.needs = gone

    def _draw(self, folder: Folder, cut: Cut, kept: set[int]) -> None:
        """Which changes of names reach the disk, in all folders that were ever there."""
        by_name = sorted(folder.pending, key=lambda change: change.name)
        for _name, group in groupby(by_name, key=lambda change: change.name):
            changes = list(group)
            for change in changes[: cut.keep(len(changes))]:
                _keep(change, kept)
        nodes = {id(node): node for node in [*folder.durable.values(), *(one.node for one in folder.pending)]}
        for node in nodes.values():
            if isinstance(node, Folder):
                self._draw(node, cut, kept)

    def _parent(self, path: str) -> tuple[Folder, str]:
        *parts, name = path.split("/")
        folder = self._node("/".join(parts)) if parts else self._root
        assert isinstance(folder, Folder)
        return folder, name

    def _node(self, path: str) -> Node:
        node: Node = self._root
        for part in path.split("/") if path else ():
            assert isinstance(node, Folder)
            node = node.now[part]
        return node

    def _file(self, path: str) -> File:
        node = self._node(path)
        assert isinstance(node, File)
        return node


def _keep(change: Change, kept: set[int]) -> None:
    for one in _up_to(change):
        if id(one) not in kept:
            kept.add(id(one))
            if one.needs is not None and one.needs in one.needs.folder.pending:
                _keep(one.needs, kept)


def _up_to(change: Change) -> list[Change]:
    """It, and what the same name had been before it."""
    same = [one for one in change.folder.pending if one.name == change.name]
    return same[: same.index(change) + 1] if change in same else []


def _put(names: dict[str, Node], name: str, node: Node | None) -> None:
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def _list(folder: Folder, prefix: str, cut: Cut, kept: set[int], image: Image) -> None:
    names = dict(folder.durable)
    for change in folder.pending:
        if id(change) in kept:
            _put(names, change.name, change.node)
    for name, node in sorted(names.items()):
        if isinstance(node, File):
            image[prefix + name] = node.after(cut)
        else:
            image[prefix + name] = None
            _list(node, f"{prefix}{name}/", cut, kept, image)


def _content(durable: bytes, changes: Sequence[Write | Resize], cut: Cut) -> bytes:
    """Every sector, and the size, in a state that it had since ``durable``."""
    sizes, touched = [len(durable)], dict[int, list[int]]()
    for number, change in enumerate(changes):
        if isinstance(change, Write):
            size, last = max(sizes[-1], change.offset + len(change.data)), change.offset + len(change.data)
            sectors = range(change.offset // cut.sector, -(-last // cut.sector))
        else:
            size = change.size
            sectors = range(size // cut.sector, -(-max(sizes) // cut.sector))
        if size != sizes[-1]:
            sizes.append(size)
        for sector in sectors:
            touched.setdefault(sector, []).append(number)
    kept = {sector: set(numbers[: cut.keep(len(numbers))]) for sector, numbers in touched.items()}
    size = sizes[cut.keep(len(sizes) - 1)] if len(sizes) > 1 else sizes[0]
    content = bytearray(durable.ljust(max(sizes), b"\0"))
    for sector, numbers in kept.items():
        start, end = max(sector * cut.sector, len(durable)), min((sector + 1) * cut.sector, len(content))
        if not numbers and start < end:
            content[start:end] = cut.fill * (end - start)
    for number, change in enumerate(changes):
        _change(
            content, change, [sector for sector, numbers in kept.items() if number in numbers], cut.sector
        )
    return bytes(content[:size])


def _change(content: bytearray, change: Write | Resize, sectors: Sequence[int], width: int) -> None:
    if isinstance(change, Write):
        first, last, data = change.offset, change.offset + len(change.data), change.data
    else:
        first, last = change.size, len(content)
        data = bytes(max(last - first, 0))
    for sector in sectors:
        start, end = max(first, sector * width), min(last, (sector + 1) * width)
        if start < end:
            content[start:end] = data[start - first : end - first]
