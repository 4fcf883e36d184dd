"""The worker process: moves accepted versions and pulls into durable DBOS queues and runs them from there.

DBOS resumes what a killed worker left at the next start. The id of what is to be done is the workflow's id,
so that handing it over twice is handing it over once.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from sqlalchemy.exc import SQLAlchemyError

from indexes.errors import QueueFull, SimurghError, StorageFull, Unavailable
from indexes.workers import Workers

APPLICATION_VERSION = "ingest-1"  # pinned: recovery only takes up workflows of the same version
# Taken out of a queue before their turn: DBOS looks into it once in POLL and takes no more than fit.
AHEAD = 8
POLL = 0.3  # seconds
BACKLOG = 32  # handed to DBOS ahead of time; the rest wait in their table, where their order may yet change
DISPATCH_INTERVAL = 0.3  # seconds
TRIES = 6  # where the surroundings fail (an endpoint is away), with growing pauses
FIRST_PAUSE = 2.0  # seconds
LONGEST_PAUSE = 60.0
DUE = 0.5  # seconds between two looks at what is due
BEAT = 5.0  # seconds between two signs of life
LEASE = 30.0  # seconds without one, after which the others take a worker's work
RECHECK = 30.0  # seconds until what was handed over is looked at again
SWEEP = 60.0  # seconds between two sweeps of what has ended
SWEPT = 1000  # at once
ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]  # of a workflow
log = structlog.get_logger()


class Task(Protocol):
    """What is to be done for an id; safe to run again at any time."""

    def ingest(self, work_id: str, /) -> None:
        """Raises Unavailable and StorageFull, which may pass."""
        ...

    def give_up(self, work_id: str, error: SimurghError, /) -> None: ...


@dataclass(kw_only=True)
class Line:
    """A queue of its own: a long pull does not hold up documents, nor they it."""

    name: str
    task: Task
    waiting: Callable[[], list[str]]  # ids of what has been accepted and not ended, oldest first
    concurrency: int = 1
    ahead: int = AHEAD
    handed_over: set[str] = field(default_factory=set)


def run_worker(
    lines: Sequence[Line],
    *,
    worker_id: str,
    workers: Workers,
    jobs_database: str,
    start_due: Callable[[], object],
    stop: threading.Event,
    heartbeat: Callable[[], None],
) -> None:
    """Work until ``stop`` is set; then let what is running end its current step and leave.

    ``worker_id`` is no other live worker's; what a dead one of that name left is taken up at once, what
    others left when their lease is over."""
    config: DBOSConfig = {
        "name": "simurgh",
        "system_database_url": jobs_database,
        "application_version": APPLICATION_VERSION,
        "executor_id": worker_id,
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "WARNING",
        "enable_otlp": False,
        "notification_listener_polling_interval_sec": 1.0,
    }
    DBOS(config=config)
    workflows = {line.name: _workflow(line, stop) for line in lines}
    DBOS.launch()
    for line in lines:
        DBOS.register_queue(
            line.name, worker_concurrency=line.concurrency + line.ahead, polling_interval_sec=POLL
        )
    recheck_at, beat_at, due_at, sweep_at = time.monotonic() + RECHECK, 0.0, 0.0, 0.0
    log.info("worker ready", worker=worker_id)
    try:
        while not stop.wait(DISPATCH_INTERVAL):
            heartbeat()
            try:
                if time.monotonic() > recheck_at:
                    recheck_at = time.monotonic() + RECHECK
                    for line in lines:
                        line.handed_over.clear()
                if time.monotonic() > beat_at:
                    beat_at = time.monotonic() + BEAT
                    workers.beat(worker_id)
                    _take_over(workers.live(within=LEASE))
                if time.monotonic() > due_at:
                    due_at = time.monotonic() + DUE
                    start_due()
                if time.monotonic() > sweep_at:
                    sweep_at = time.monotonic() + SWEEP
                    _sweep()
                for line in lines:
                    _hand_over(line, workflows[line.name])
            except (SimurghError, SQLAlchemyError) as error:  # ours, or that which DBOS uses
                log.warning("cannot read the queue", error=str(error))
    finally:
        DBOS.destroy(workflow_completion_timeout_sec=10)


def _workflow(line: Line, stop: threading.Event) -> Callable[[str], None]:
    turns = threading.Semaphore(line.concurrency)

    @DBOS.step(name=line.name)
    def step(work_id: str) -> None:
        while not stop.is_set():
            if turns.acquire(timeout=DISPATCH_INTERVAL):
                try:
                    _with_patience(line.task, work_id, stop)
                finally:
                    turns.release()
                break

    @DBOS.workflow(name=f"{line.name}_version")
    def workflow(work_id: str) -> None:
        step(work_id)

    return workflow


def _hand_over(line: Line, workflow: Callable[[str], None]) -> None:
    waiting = line.waiting()
    line.handed_over &= set(waiting)
    queue = DBOS.retrieve_queue(line.name)
    assert queue is not None  # noqa: S101  registered at the start
    for work_id in waiting:
        if work_id not in line.handed_over:
            _forget_ended(work_id)
            with SetWorkflowID(work_id):
                queue.enqueue(workflow, work_id)
            line.handed_over.add(work_id)


def _take_over(live: set[str]) -> None:
    """Put what dead workers left back into its queue. Two may do so at once, and then it is run twice; it is
    in effect once, for only one commit of a version succeeds."""
    for left in DBOS.list_workflows(status="PENDING", load_input=False):
        if left.executor_id not in live:
            log.warning("taking over", work=left.workflow_id, worker=left.executor_id)
            DBOS.resume_workflow(left.workflow_id, queue_name=left.queue_name)


def _sweep() -> None:
    """Forget the workflows that have ended: what came of them is in our own tables."""
    while ended := DBOS.list_workflows(status=ENDED, limit=SWEPT, load_input=False, load_output=False):
        DBOS.delete_workflows([one.workflow_id for one in ended])


def _forget_ended(work_id: str) -> None:
    """A workflow that ended without ending its work, as at a stop, makes room for another of its id."""
    status = DBOS.get_workflow_status(work_id)
    if status is not None and status.status in ENDED:
        DBOS.delete_workflow(work_id)


def _with_patience(task: Task, work_id: str, stop: threading.Event) -> None:
    """Try again what may pass; what never gets through is failed with the last reason.

    A full disk or queue is waited for, however long it takes."""
    pause, attempt = FIRST_PAUSE, 0
    while attempt < TRIES:
        try:
            task.ingest(work_id)
            return
        except (StorageFull, QueueFull) as error:  # nobody's fault, and over when there is space again
            log.warning("paused: no space", work=work_id, reason=error.message, pause=pause)
            last: SimurghError = error
        except Unavailable as error:
            attempt += 1
            log.warning("will try again", work=work_id, code=error.code, attempt=attempt, pause=pause)
            last = error
        except Exception as error:
            attempt += 1
            log.exception("ingestion failed", work=work_id)
            last = SimurghError(f"ingestion failed: {type(error).__name__}")
        if stop.wait(pause):
            return
        pause = min(2 * pause, LONGEST_PAUSE)
    task.give_up(work_id, last)
