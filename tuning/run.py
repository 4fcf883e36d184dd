"""Has a training done by a process of its own, and says how it went. It is never left running alone."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from app.engine.device import Cancel
from ingest.priority import NICENESS
from tuning.workspace import Outcome, Workspace

PROGRAM = (sys.executable, "-m", "tuning.train")
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",  # nothing is fetched
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait leave their core to the service
}
POLL = 0.5  # seconds
PATIENCE = 10.0  # seconds that it has to end when it is told to
TAIL = 2_000  # characters of its log that an outcome tells
NO_SPACE = "No space left on device"


def run(
    work: Workspace,
    *,
    tell: Callable[[Mapping[str, Any]], None] = lambda _: None,
    cancelled: Cancel | None = None,
    niceness: int | None = None,
) -> Outcome:
    """Of the task in ``work``, from where it stands; ``tell`` is given each of its events once;
    ``niceness``: that of ingestion unless told.

    What ran out of memory is tried once more with half the examples in memory; what met something that is no
    number in four bits is tried once more as it is. Whatever ends this function ends the training too."""
    cancelled = cancelled or threading.Event()
    seen = sum(1 for _ in work.events())
    work.forget_outcome()
    for attempt in (1, 2):
        outcome, seen = _attempt(work, tell, cancelled, NICENESS if niceness is None else niceness, seen)
        if attempt == 2 or (note := _tried_again(outcome, work)) is None:
            break
        work.tell(note=note)
        work.forget_outcome()
    work.end(outcome)
    return outcome


def _attempt(
    work: Workspace,
    tell: Callable[[Mapping[str, Any]], None],
    cancelled: Cancel,
    niceness: int,
    seen: int,
) -> tuple[Outcome, int]:
    with work.log.open("ab") as log:
        child = subprocess.Popen(  # noqa: S603  our own program
            [*PROGRAM, str(work.folder), str(os.getpid()), str(niceness)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **ENVIRONMENT},
        )
    try:
        running = True
        while running:
            running = child.poll() is None
            for event in work.events(seen):
                seen += 1
                tell(event)
            if running and cancelled.wait(POLL):
                return Outcome(status="cancelled", code="cancelled", message="it was cancelled"), seen
    finally:
        _stop(child)
    return work.outcome() or _death(child.returncode, work), seen


def _stop(child: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(PATIENCE)
            return


def _death(code: int, work: Workspace) -> Outcome:
    """Of a training that left no outcome."""
    said = work.log.read_text("utf-8", errors="replace")[-TAIL:].strip()
    if NO_SPACE in said:
        return Outcome(
            status="failed", code="storage_full", message=f"{NO_SPACE}: make room and run it again"
        )
    if code == -signal.SIGKILL:  # nobody else kills it so
        return Outcome(status="failed", code="out_of_memory", message="the system ended it, for its memory")
    return Outcome(status="failed", code="training_died", message=f"it ended with {code}: {said}")


def _tried_again(outcome: Outcome, work: Workspace) -> str | None:
    """Why and how, where that may help; the task is as it should be then."""
    if outcome.code == "out_of_memory" and _halved(work):
        return "out of memory: tried again with half the examples at once"
    if outcome.code == "nan_loss" and work.task().plan.method == "qlora":
        return "something was no number: tried again"
    return None


def _halved(work: Workspace) -> bool:
    """Whether there is a way to do with less memory."""
    task = work.task()
    plan = task.plan
    if plan.at_once > 1:
        changed = replace(plan, at_once=plan.at_once // 2)
    elif not plan.gradient_checkpointing:
        changed = replace(plan, gradient_checkpointing=True)
    else:
        return False
    work.change(replace(task, plan=changed))
    return True
