"""Questions go first: who answers one says so, and who ingests waits a moment between two pieces of work.

It is said by a shared lock on a file of the data folder, which ends with its process however that does. Who
waits only looks and takes no lock, so that a question never waits for it, not even when it is stopped.
"""

import fcntl
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

Asking = Callable[[], AbstractContextManager[None]]  # around the answering of a question
FLOCK = "hhqqi4x"  # struct flock of Linux: type, whence, start, length (0: all), process
LOOK = 0.01  # seconds between two looks
QUIET = 0.03  # seconds without a question after which there is none; an answer takes several steps
LONGEST = 1.0  # seconds that a piece of work is put off: where questions never end, ingestion still goes on


class Precedence:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._asking = 0
        self._lock = threading.Lock()

    def close(self) -> None:
        os.close(self._handle)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """A question is being answered."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def give_way(self) -> float:
        """Wait until no question is being answered, at most LONGEST; returns the seconds."""
        begun = quiet_since = time.monotonic()
        if not self._is_asked():
            return 0.0
        while (now := time.monotonic()) < begun + LONGEST and now < quiet_since + QUIET:
            time.sleep(LOOK)
            if self._is_asked():
                quiet_since = time.monotonic()
        return time.monotonic() - begun

    def _count(self, change: int) -> None:
        with self._lock:
            before, self._asking = self._asking, self._asking + change
            if not before or not self._asking:
                kind = fcntl.F_RDLCK if self._asking else fcntl.F_UNLCK
                fcntl.fcntl(self._handle, fcntl.F_OFD_SETLK, struct.pack(FLOCK, kind, 0, 0, 0, 0))

    def _is_asked(self) -> bool:
        found = fcntl.fcntl(
            self._handle, fcntl.F_OFD_GETLK, struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        )
        return bool(struct.unpack(FLOCK, found)[0] != fcntl.F_UNLCK)
