"""The worker is nice, and so is its session where those share the processor."""

import subprocess
import sys
from pathlib import Path

from ingest.priority import GROUP, NICENESS

SHOWN = """
import os, threading
from ingest.priority import GROUP, step_back
go = threading.Event()
said = []
def say():
    go.wait()
    said.append(os.nice(0))
early, late = threading.Thread(target=say), threading.Thread(target=say)
early.start()
step_back()
late.start()
go.set()
early.join()
late.join()
session = GROUP.read_text() if GROUP.exists() else ""  # empty where the session has no group of its own
print(*said, session.split()[-1] if session else "none")
"""


def shown(*, session: bool) -> list[str]:
    run = [sys.executable, "-c", SHOWN]
    return subprocess.run(
        run, capture_output=True, text=True, check=True, start_new_session=session
    ).stdout.split()


def test_a_session_of_its_own_is_nice_too() -> None:
    assert shown(session=True) == [*[str(NICENESS)] * 2, str(NICENESS) if GROUP.exists() else "none"]


def test_the_session_of_others_is_left_as_it_is() -> None:
    own = Path("/proc/self/autogroup")
    before = own.read_text() if own.exists() else ""
    assert shown(session=False)[:2] == [str(NICENESS)] * 2
    assert (own.read_text() if own.exists() else "") == before
