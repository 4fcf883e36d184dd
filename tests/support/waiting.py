"""What happens by and by, in another thread or process."""

import threading
from collections.abc import Callable
from time import monotonic

LOOK = 0.02  # seconds


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Raises AssertionError where it does not come to hold in time."""
    pause = threading.Event()  # time.sleep is what some tests replace
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, f"it did not happen within {seconds:.0f} s"
        pause.wait(LOOK)
