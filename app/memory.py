"""How much memory the service takes: its own process and all below it, the engine's among them."""

from contextlib import suppress

import psutil


def taken(leader: psutil.Process | None = None) -> int:
    """Bytes that ``leader`` and all below it hold, this process if none is given; what processes share is
    counted once (PSS), or as often as they do where that cannot be read."""
    leader = leader or psutil.Process()
    total = 0
    for process in (leader, *leader.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            total += _of(process)
    return total


def _of(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.AccessDenied, AttributeError):  # another user's; a system without PSS
        return int(process.memory_info().rss)
