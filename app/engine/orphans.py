"""No process of the engine outlives the one that started it."""

import ctypes
import os
import signal
import sys
import threading


def stop_with_parent() -> None:
    """Wait in a thread for the end of stdin, which only the parent's death or wish can bring."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Linux: have the kernel send this process a signal when the thread that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, number)  # PR_SET_PDEATHSIG
