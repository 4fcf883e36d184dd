"""A process that gives its processor to whoever answers questions."""

import contextlib
import os
from pathlib import Path

NICENESS = 19
GROUP = Path("/proc/self/autogroup")


def step_back(niceness: int = NICENESS) -> None:
    """Where Linux shares the processor out by session ("autogroup") niceness counts only within one, and each
    has as much as any other; then the session is made nice too, if it is this process's own."""
    os.nice(niceness)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # another system, or one that does not allow it
            GROUP.write_text(str(niceness))
