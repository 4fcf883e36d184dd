"""A folder of this machine, or one mounted on it, as a store. No symbolic link below its root is followed.

Every step from the root is taken by `openat` with O_NOFOLLOW: there is no moment in which what was looked at
could be exchanged for a link that leads out.
"""

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexes.errors import FetchFailed, SimurghError, Unavailable
from indexes.records import LeftOut
from ingest.globs import aside
from ingest.stores import Copied, Entry, Keep, guarded

REST = 2.0  # seconds without a change after which a file counts as written to its end
GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # not there, or a link stands there now
DENIED = (errno.EACCES, errno.EPERM)
WRITTEN = "it is being written"
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def folder(self) -> Path | None:
        return self._root

    def entries(self, path: str) -> Iterator[Entry | LeftOut]:
        """A file that changed in the last `REST` seconds is looked at once more at the end."""
        now = time.time()
        young: dict[str, Entry] = {}
        for one, changed in self._walk(path):
            if isinstance(one, Entry) and abs(now - changed) < REST:
                young[one.path] = one
            else:
                yield one
        if not young:
            return
        time.sleep(REST)
        for one in young.values():
            state = self._state(one.path)
            if state is not None and _validators(state) == one.validators:
                yield one
            elif state is not None:
                yield LeftOut(name=one.path, reason=WRITTEN)

    def folders(self, path: str) -> Iterator[Path]:
        """Of what is below ``path`` and not hidden, itself included; as they are named here."""
        waiting = [path]
        while waiting:
            current = waiting.pop()
            try:
                with self._opened(current) as handle, os.scandir(handle) as found:
                    inner = [one.name for one in found if _is_folder(one) and not aside(one.name)]
            except OSError:
                if current == path:
                    raise
                continue
            yield self._root / current
            waiting += [_below(current, name) for name in inner]

    def read(self, path: str, keep: Keep) -> Copied:
        try:
            with self._opened(os.path.dirname(path)) as parent:
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                handle = os.open(os.path.basename(path), flags, dir_fd=parent)
        except OSError as error:
            raise _failure(error) from error
        with open(handle, "rb", buffering=0) as file:
            before = os.fstat(handle)
            if not stat.S_ISREG(before.st_mode):
                raise FetchFailed("it is no file any more", code="gone")
            sha256 = keep(guarded(file, _failure), before.st_size)
            after = os.fstat(handle)
        if _validators(before) != _validators(after):
            raise FetchFailed(f"{WRITTEN}: it will be read the next time", code="changing")
        return Copied(sha256=sha256, validators=_validators(after))

    def _walk(self, path: str) -> Iterator[tuple[Entry | LeftOut, float]]:
        """With the time of the last change."""
        waiting = [path]
        while waiting:
            current = waiting.pop()
            try:
                with self._opened(current) as handle, os.scandir(handle) as found:
                    inner = [
                        (one.name, one.stat(follow_symlinks=False)) for one in found if not aside(one.name)
                    ]
            except OSError as error:
                if current == path:
                    raise _root_failure(error, path) from error
                if error.errno in DENIED:
                    yield LeftOut(name=f"{current}/", reason="it may not be read"), 0.0
                elif error.errno not in GONE:  # it is not known whether its files are there
                    raise _failure(error) from error
                continue
            for name, state in sorted(inner):
                inside = _below(current, name)
                if not (stat.S_ISDIR(state.st_mode) or stat.S_ISREG(state.st_mode)):
                    continue
                if not _is_text(name):
                    shown = os.fsencode(inside).decode("utf-8", "backslashreplace")
                    yield LeftOut(name=shown, reason="its name is not UTF-8"), 0.0
                elif stat.S_ISDIR(state.st_mode):
                    waiting.append(inside)
                else:
                    yield (
                        Entry(path=inside, size=state.st_size, validators=_validators(state)),
                        state.st_mtime,
                    )

    def _state(self, path: str) -> os.stat_result | None:
        try:
            with self._opened(os.path.dirname(path)) as parent:
                return os.stat(os.path.basename(path), dir_fd=parent, follow_symlinks=False)
        except OSError:
            return None

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        """A folder below the root, step by step. Raises OSError, ELOOP or ENOTDIR for a link."""
        handle = os.open(self._root, FOLDER)  # the root itself may be a link: the operator named it
        try:
            for name in path.split("/") if path else ():
                inner = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=handle)
                os.close(handle)
                handle = inner
            yield handle
        finally:
            os.close(handle)


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _validators(state: os.stat_result) -> dict[str, str]:
    return {"size": str(state.st_size), "mtime_ns": str(state.st_mtime_ns)}


def _root_failure(error: OSError, path: str) -> SimurghError:
    what = f"there is no folder {path!r} in the store" if path else "the store's folder is not there"
    if error.errno in GONE:
        return FetchFailed(f"{what}: is it mounted? Nothing is deleted", code="store_missing")
    return _failure(error)


def _failure(error: Exception) -> SimurghError:
    """Without the path: where the store is on this machine is nobody's business."""
    number = error.errno if isinstance(error, OSError) else None
    if number in GONE:
        return FetchFailed("it is not there any more", code="gone")
    if number in DENIED:
        return FetchFailed("it may not be read", code="store_denied")
    reason = os.strerror(number) if number else type(error).__name__
    return Unavailable(f"it cannot be read now ({reason})", retry_after=30)
