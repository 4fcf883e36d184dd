"""Folders that are watched: what changes in one makes its sources due, and the pull finds out what it was.

A change that goes unnoticed (on a network mount, or while no worker ran) is found by the next pull: sources
are due as well when their watch begins, and once in a while anyway.
"""

import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from indexes.errors import SimurghError
from indexes.pulls import Pulls
from indexes.records import Source
from ingest.folder import REST, Folder
from ingest.globs import aside
from ingest.stores import Store

RENEW = 5.0  # seconds between two looks at what is to be watched
QUIET = 50  # milliseconds without a change after which those before are told together
GATHER = 500  # milliseconds after which they are told anyway
SETTLE = REST + 0.2  # seconds from a change to its pull: by then the file is at rest
LONGEST = 60.0  # likewise, where something changes all the time
AGAIN = 10.0  # seconds until a folder that cannot be watched is tried again
MOUNTED = 30_000  # milliseconds between two looks whether the folder is still the same
POLLED = 5_000  # milliseconds between two looks where the system tells nothing
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "ceph", "glusterfs", "fuse")  # kinds of mounts
log = structlog.get_logger()


@dataclass(kw_only=True)
class Pace:
    """When to pull after a change: at once where all was quiet, ever more rarely where it never is."""

    pause: float = SETTLE
    planned: float = 0.0

    def next(self, now: float) -> float:
        if now > self.planned:  # else the pull that is to come will find it
            quiet = now - self.planned > 2 * self.pause
            self.pause = SETTLE if quiet else min(2 * self.pause, LONGEST)
            self.planned = now + self.pause
        return self.planned


@dataclass(kw_only=True)
class _Watch:
    thread: threading.Thread
    stop: threading.Event = field(default_factory=threading.Event)


class Watching:
    """Of all workers that see a folder each watches it; of the pulls that they ask for one comes about."""

    def __init__(self, pulls: Pulls, stores: Mapping[str, Store]) -> None:
        self._pulls = pulls
        self._stores = stores
        self._watches: dict[tuple[str, str, str], _Watch] = {}  # by source, store and path
        self._renew_at = 0.0

    def renew(self) -> None:
        """Watch what is to be watched now, and nothing else. May be called as often as one likes.

        Raises as the database does."""
        if time.monotonic() < self._renew_at:
            return
        self._renew_at = time.monotonic() + RENEW
        wanted = {}
        for source in self._pulls.of_kind("store"):
            spec = source.spec
            if spec["watch"] and spec["store"] in self._stores:
                wanted[(source.id, spec["store"], spec["path"])] = source
        for key in set(self._watches) - set(wanted):
            self._watches.pop(key).stop.set()
        for key in set(wanted) - set(self._watches):
            store = self._stores[wanted[key].spec["store"]]
            if isinstance(store, Folder):
                self._watches[key] = self._begun(wanted[key], store)

    def stop(self) -> None:
        for watch in self._watches.values():
            watch.stop.set()
        for watch in self._watches.values():
            watch.thread.join(5)
        self._watches.clear()

    def _begun(self, source: Source, folder: Folder) -> _Watch:
        stop = threading.Event()
        thread = threading.Thread(
            target=self._watch, args=(source, folder, stop), name=f"watch-{source.id[:8]}", daemon=True
        )
        thread.start()
        return _Watch(thread=thread, stop=stop)

    def _watch(self, source: Source, folder: Folder, stop: threading.Event) -> None:
        pace = Pace()
        while not stop.is_set():
            try:
                for _ in changes(folder, source.spec["path"], stop):
                    self._pulls.hasten(source.id, pace.next(time.time()))
            except (OSError, RuntimeError) as error:  # it is not mounted; the system's watches are used up
                log.warning("cannot watch", source=source.id, error=type(error).__name__)
                stop.wait(AGAIN)
            except (SimurghError, SQLAlchemyError) as error:
                log.warning("cannot write the queue", source=source.id, error=str(error))
                stop.wait(AGAIN)


def changes(folder: Folder, path: str, stop: threading.Event) -> Iterator[None]:
    """Once at the start and then whenever something below ``path`` may have changed, until ``stop`` is set.

    Folders are watched one by one, and anew when there are others, so that no link is followed. Raises
    OSError, RuntimeError where it cannot be watched.
    """
    from watchfiles import watch

    while not stop.is_set():
        folders = list(folder.folders(path))
        top, known = folders[0], set(map(str, folders))
        mounted = _identity(top)
        # Each round begins with a look: what happened between two watches is in it.
        yield
        for changed in watch(
            *folders,
            watch_filter=None,
            debounce=GATHER,
            step=QUIET,
            rust_timeout=MOUNTED,
            yield_on_timeout=True,
            stop_event=stop,
            force_polling=is_remote(top),
            poll_delay_ms=POLLED,
            recursive=False,
            ignore_permission_denied=True,
            raise_interrupt=False,
        ):
            paths = [one for _, one in changed if not aside(os.path.basename(one))]
            if _identity(top) != mounted or any(one in known or _is_folder(one) for one in paths):
                break  # a folder came or went
            if paths:
                yield


def _identity(path: Path) -> tuple[int, int]:
    state = os.stat(path)
    return state.st_dev, state.st_ino


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def is_remote(path: Path) -> bool:
    """Whether it is mounted from elsewhere, so that others' changes are not told here."""
    best, kind = "", ""
    real = os.path.realpath(path)
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as mounts:
        for line in mounts:
            _device, point, mounted, *_ = line.split(" ")
            point = point.replace("\\040", " ")
            inside = real == point or real.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best):
                best, kind = point, mounted
    return kind.partition(".")[0] in REMOTE
