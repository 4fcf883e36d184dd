"""The worker process: moves accepted versions into a durable DBOS queue and runs them from there.

DBOS resumes what a killed worker left at the next start. The version's id is the workflow's id, so that
handing one over twice is handing it over once.
"""

import os
import threading
import time
from collections.abc import Callable

import structlog
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID

from indexes.errors import SimurghError, StorageFull, Unavailable
from indexes.queue import Queue
from ingest.pipeline import Pipeline

QUEUE = "ingest"
APPLICATION_VERSION = "ingest-1"  # pinned: recovery only takes up workflows of the same version
BACKLOG = 100  # versions handed to DBOS ahead of time; the rest wait in their table
DISPATCH_INTERVAL = 0.3  # seconds
TRIES = 6  # of a version whose surroundings fail (disk full, endpoint away), with growing pauses
FIRST_PAUSE = 2.0  # seconds
RECHECK = 30.0  # seconds until what was handed over is looked at again
ENDED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")  # of a workflow
NICENESS = 10  # questions come first
log = structlog.get_logger()


def run_worker(
    pipeline: Pipeline,
    queue: Queue,
    *,
    jobs_database: str,
    concurrency: int,
    stop: threading.Event,
    heartbeat: Callable[[], None],
) -> None:
    """Work until ``stop`` is set; then let the running document end its current step and leave."""
    os.nice(NICENESS)
    config: DBOSConfig = {
        "name": "simurgh",
        "system_database_url": jobs_database,
        "application_version": APPLICATION_VERSION,
        "executor_id": "worker",
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "WARNING",
        "enable_otlp": False,
        "notification_listener_polling_interval_sec": 1.0,
    }
    DBOS(config=config)

    @DBOS.workflow(name="ingest_version")
    def ingest_version(version_id: str) -> None:
        ingest_step(version_id)

    @DBOS.step(name="ingest")
    def ingest_step(version_id: str) -> None:
        _ingest_with_patience(pipeline, version_id, stop)

    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=concurrency, polling_interval_sec=0.3)
    work_queue = DBOS.retrieve_queue(QUEUE)
    assert work_queue is not None  # noqa: S101  registered just above
    handed_over: set[str] = set()
    recheck_at = time.monotonic() + RECHECK
    log.info("worker ready", concurrency=concurrency)
    try:
        while not stop.wait(DISPATCH_INTERVAL):
            heartbeat()
            try:
                waiting = queue.unfinished(limit=BACKLOG)
            except SimurghError as error:
                log.warning("cannot read the queue", error=error.message)
                continue
            if time.monotonic() > recheck_at:
                handed_over, recheck_at = set(), time.monotonic() + RECHECK
            handed_over &= set(waiting)
            for version_id in waiting:
                if version_id not in handed_over:
                    _forget_ended(version_id)
                    with SetWorkflowID(version_id):
                        work_queue.enqueue(ingest_version, version_id)
                    handed_over.add(version_id)
    finally:
        DBOS.destroy(workflow_completion_timeout_sec=10)


def _forget_ended(version_id: str) -> None:
    """A workflow that ended without ending its version, as at a stop, makes room for another of its id."""
    status = DBOS.get_workflow_status(version_id)
    if status is not None and status.status in ENDED:
        DBOS.delete_workflow(version_id)


def _ingest_with_patience(pipeline: Pipeline, version_id: str, stop: threading.Event) -> None:
    """Try again what may pass; a version that never gets through is failed with the last reason."""
    pause = FIRST_PAUSE
    for attempt in range(1, TRIES + 1):
        try:
            pipeline.ingest(version_id)
            return
        except (Unavailable, StorageFull) as error:
            log.warning("will try again", version=version_id, code=error.code, attempt=attempt, pause=pause)
            last: SimurghError = error
        except Exception as error:
            log.exception("ingestion failed", version=version_id)
            last = SimurghError(f"ingestion failed: {type(error).__name__}")
        if stop.wait(pause):
            return
        pause *= 2
    pipeline.give_up(version_id, last)
