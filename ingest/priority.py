"""A process that leaves the processor to whoever answers questions."""

import contextlib
import os
from pathlib import Path

NICENESS = 10  # a tenth of the processor beside one who wants all of it: ingestion goes on, if slowly
GROUP = Path("/proc/self/autogroup")
THREADS = Path("/proc/self/task")


def step_back(niceness: int = NICENESS) -> None:
    """All threads that there are: each is nice for itself. Those that they start are so from the beginning.

    Where Linux shares the processor out by session ("autogroup"), niceness counts only within one, and each
    session has as much as any other; then the session is made nice too, if it is this process's own.
    """
    for thread in THREADS.iterdir():
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            number = int(thread.name)
            before = os.getpriority(os.PRIO_PROCESS, number)
            os.setpriority(os.PRIO_PROCESS, number, max(before, niceness))
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # another system, or one that does not allow it
            GROUP.write_text(str(niceness))
