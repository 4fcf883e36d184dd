"""One device for the engine and for trainings that do not fit beside it: the engine rests while one trains.

Two locks on files of the data folder, which end with their processes however those do: `wanted` is held by
who trains, `held` by the engines together or by who trains alone.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from app.models import on_gpu
from app.settings import Settings

POLL = 0.5  # seconds


class Cancel(Protocol):
    """As threading.Event: whether it was cancelled, after waiting so many seconds for it at most."""

    def wait(self, seconds: float, /) -> bool: ...


class Device:
    """Of one process; each has its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._wanted = _open(folder / "device-wanted.lock")
        self._held = _open(folder / "device-held.lock")

    def close(self) -> None:
        """Whatever it holds is free then."""
        os.close(self._wanted)
        os.close(self._held)

    @property
    def wanted(self) -> bool:
        """Whether somebody trains, or waits to."""
        if not _locked(self._wanted, fcntl.LOCK_SH):
            return True
        fcntl.flock(self._wanted, fcntl.LOCK_UN)
        return False

    def take(self) -> bool:
        """Whether an engine may use it from now on; it may take what it has."""
        if self.wanted:
            self.leave()
            return False
        return _locked(self._held, fcntl.LOCK_SH)

    def leave(self) -> None:
        fcntl.flock(self._held, fcntl.LOCK_UN)

    @contextmanager
    def alone(self, cancelled: Cancel) -> Iterator[bool]:
        """For one training at a time, once every engine has left. False: cancelled while it waited."""
        try:
            yield self._waited(self._wanted, cancelled) and self._waited(self._held, cancelled)
        finally:
            for one in (self._held, self._wanted):
                fcntl.flock(one, fcntl.LOCK_UN)

    def _waited(self, handle: int, cancelled: Cancel) -> bool:
        while not _locked(handle, fcntl.LOCK_EX):
            if cancelled.wait(POLL):
                return False
        return True


def engine_rests(settings: Settings) -> bool:
    """Whether it does while a training runs; one that others run does not."""
    if settings.generator_urls:
        return False
    return on_gpu(settings) if settings.engine_rests == "auto" else settings.engine_rests == "always"


def shared_device(settings: Settings) -> Device | None:
    return Device(settings.data_dir) if engine_rests(settings) else None


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _locked(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
