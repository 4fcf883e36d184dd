"""What a process and its children do to a folder, as `strace` sees it."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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

MODELLED = """open openat creat close lseek write pwrite64 writev pwritev pwritev2 truncate ftruncate mkdir
mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat fsync fdatasync"""
REFUSED = "mmap fallocate sendfile copy_file_range splice symlink symlinkat sync_file_range"  # never unseen
LONGEST = 1 << 26  # bytes of one write
HEX = r"(?:\\x[0-9a-f]{2})*"
LINE = re.compile(r"^(\d+) +(.*)$")
BEGUN = re.compile(r"^(\w+)\((.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
CALL = re.compile(r"^(\w+)\((.*)\) += (-?\w+)(?:<(" + HEX + r")>)?")
STRING = re.compile(r'"(' + HEX + r')"(\.\.\.)?')
DESCRIPTOR = re.compile(r"(\d+|AT_FDCWD)<(" + HEX + r")>(\(deleted\))?")


def why_not() -> str | None:
    """Why nothing can be recorded here; None when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed (apt-get install strace)"
    tried = subprocess.run(["strace", "-f", "-o", os.devnull, "true"], capture_output=True, text=True)
    return f"strace may not trace here ({tried.stderr.strip()})" if tried.returncode else None


def record(
    command: Sequence[str], folder: Path, marks: Path, *, log: Path, timeout: float
) -> list[Operation]:
    """Run ``command`` and return what it did under ``folder``, with what it wrote to ``marks``.

    Raises CalledProcessError, and ValueError for a call that changes files and is not understood."""
    calls = ",".join(f"?{name}" for name in f"{MODELLED} {REFUSED}".split())
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    options = [
        "-f",
        "-y",
        "-xx",
        "-s",
        str(LONGEST),
        "--seccomp-bpf",
        "-e",
        f"trace={calls}",
        "-e",
        "signal=none",
    ]
    subprocess.run(
        ["strace", *options, "-o", str(log), *command], check=True, timeout=timeout, stdout=subprocess.DEVNULL
    )
    with log.open(encoding="ascii") as lines:
        return read(lines, folder, marks, there)


def read(lines: Iterable[str], folder: Path, marks: Path, there: set[str]) -> list[Operation]:
    """``there``: the files under ``folder`` before."""
    reader = _Reader(folder=str(folder), marks=str(marks), files=there)
    for line in lines:
        reader.line(line.rstrip("\n"))
    return reader.operations


@dataclass(kw_only=True)
class _Reader:
    folder: str
    marks: str
    files: set[str]  # that are there now
    operations: list[Operation] = field(default_factory=list)
    _begun: dict[str, tuple[str, int]] = field(default_factory=dict)  # by thread: its call, and since when
    _at: dict[tuple[str, str], int] = field(default_factory=dict)  # by thread and descriptor: its offset

    def line(self, line: str) -> None:
        matched = LINE.match(line)
        if matched is None:
            raise ValueError(f"strace wrote {line[:200]!r}")
        thread, rest = matched.groups()
        begun = len(self.operations)
        if (part := BEGUN.match(rest)) is not None:
            self._begun[thread] = (f"{part[1]}({part[2]}", begun)
            return
        if (part := RESUMED.match(rest)) is not None:
            head, begun = self._begun.pop(thread)
            rest = head + part[2]
        call = CALL.match(rest)
        if call is not None and not call[3].startswith("-") and call[3] != "?":
            self._call(thread, call[1], call[2], call[3], _path(call[4] or ""), begun)

    def _call(self, thread: str, name: str, arguments: str, result: str, opened: str, begun: int) -> None:
        if name in ("open", "openat", "creat"):
            self._open(thread, result, opened, arguments, created=name == "creat")
            return
        if name in REFUSED.split():
            self._refuse(name, arguments)
            return
        at = DESCRIPTOR.match(arguments)
        path = None if at is None else _path(at[2])
        strings = [_bytes(one[1]) for one in STRING.finditer(arguments)]
        if name in ("mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "truncate"):
            self._named(name, self._inside(_absolute(path, strings[0])), arguments)
        elif name.startswith(("rename", "link")):
            self._two(name, *(self._inside(_absolute(path, one)) for one in strings))
        elif at is not None and path is not None and not at[3]:
            self._described(thread, name, arguments, at[1], path, strings, int(result, 0), begun)

    def _open(self, thread: str, descriptor: str, opened: str, arguments: str, *, created: bool) -> None:
        self._at[thread, descriptor] = 0
        inside = self._inside(opened)
        if inside is None:
            return
        if "O_TMPFILE" in arguments:
            raise ValueError(f"a file without a name in {inside} is not understood")
        if "O_APPEND" in arguments:
            raise ValueError(f"appending to {inside} is not understood")
        if inside not in self.files and (created or "O_CREAT" in arguments):
            self.files.add(inside)
            self.operations.append(Create(path=inside))
        elif created or "O_TRUNC" in arguments:
            self.operations.append(Resize(path=inside, size=0))

    def _named(self, name: str, inside: str | None, arguments: str) -> None:
        if inside is None:
            return
        if name.startswith("mkdir"):
            self.operations.append(MakeFolder(path=inside))
        elif name == "truncate":
            self.operations.append(Resize(path=inside, size=int(arguments.rsplit(", ", 1)[1])))
        else:
            self.files.discard(inside)
            self.operations.append(Remove(path=inside))

    def _two(self, name: str, source: str | None, target: str | None) -> None:
        if source is None and target is None:
            return
        if source is None or target is None:
            raise ValueError(f"{name} over the folder's edge: {source} {target}")
        if name.startswith("rename"):
            moved = {one for one in self.files if one == source or one.startswith(f"{source}/")}
            self.files = self.files - moved | {target + one.removeprefix(source) for one in moved}
            self.operations.append(Rename(path=source, to=target))
        else:
            self.files.add(target)
            self.operations.append(Link(path=source, to=target))

    def _described(
        self,
        thread: str,
        name: str,
        arguments: str,
        descriptor: str,
        path: str,
        strings: Sequence[bytes],
        result: int,
        begun: int,
    ) -> None:
        key, inside = (thread, descriptor), self._inside(path)
        if path == self.marks and name == "write":
            self.operations += [Mark(text=line) for line in strings[0].decode().splitlines()]
        if inside is None:
            return
        if name in ("fsync", "fdatasync"):
            self.operations.append(Sync(path=inside, begun=begun))
        elif name == "ftruncate":
            self.operations.append(Resize(path=inside, size=int(arguments.rsplit(", ", 1)[1])))
        elif name == "lseek":
            self._at[key] = result
        elif "write" in name:
            data = b"".join(strings)[:result]
            offset = (
                int(arguments.split(", ")[-1 if name != "pwritev2" else -2])
                if "pw" in name
                else self._at[key]
            )
            self.operations.append(Write(path=inside, offset=offset, data=data))
            if "pw" not in name:
                self._at[key] = offset + result

    def _refuse(self, name: str, arguments: str) -> None:
        """A map of SQLite's `-shm` may be: a crash image need not hold it."""
        harmless = name == "mmap" and not ("MAP_SHARED" in arguments and "PROT_WRITE" in arguments)
        paths = [_path(one[2]) for one in DESCRIPTOR.finditer(arguments)]
        paths += [_absolute(None, _bytes(one[1])) for one in STRING.finditer(arguments)]
        inside = [path for path in paths if self._inside(path) is not None and not path.endswith("-shm")]
        if inside and not harmless:
            raise ValueError(f"{name} on {inside[0]} is not understood")

    def _inside(self, path: str) -> str | None:
        """Empty for the folder itself; None for what is elsewhere."""
        return path[len(self.folder) + 1 :] if f"{path}/".startswith(f"{self.folder}/") else None


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _path(text: str) -> str:
    return os.fsdecode(_bytes(text))


def _absolute(folder: str | None, path: bytes) -> str:
    name = os.fsdecode(path)
    return os.path.normpath(name if name.startswith("/") or folder is None else f"{folder}/{name}")
