"""A name for a worker that no other live one has, and that the next one on its place takes over."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from indexes.durable import make_folder


@contextmanager
def slot(folder: Path) -> Iterator[str]:
    """The first place that is free among the workers of this host; free again when the process ends, however
    it does. A worker that is started after a crash has the name of the one that crashed, and so its jobs."""
    make_folder(folder)
    for number in count():
        handle = os.open(folder / f"worker-{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield f"{socket.gethostname()}-{number}"
            return
        finally:
            os.close(handle)
