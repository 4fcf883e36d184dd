"""`python -m tests.support.slow_worker DATABASE FOLDER MARK`: a real worker whose documents never end.

It writes MARK when it has begun one, and waits to be killed.
"""

import sys
import threading
import time
from pathlib import Path

from indexes.database import open_database
from indexes.errors import SimurghError
from indexes.queue import Queue
from indexes.workers import Workers
from ingest import worker
from ingest.slot import slot


class Endless:
    def __init__(self, queue: Queue, mark: Path) -> None:
        self._queue = queue
        self._mark = mark

    def ingest(self, version_id: str) -> None:
        self._queue.take(version_id)
        self._mark.write_text(version_id)
        time.sleep(600)

    def give_up(self, version_id: str, error: SimurghError) -> None:
        raise AssertionError(version_id, error)


def main() -> None:
    url, folder, mark = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    queue = Queue(open_database(url))
    line = worker.Line(name="ingest", task=Endless(queue, mark), waiting=lambda: queue.unfinished(limit=9))
    with slot(folder) as worker_id:
        worker.run_worker(
            [line],
            worker_id=worker_id,
            workers=Workers(open_database(url)),
            jobs_database=f"sqlite:///{folder / 'jobs.db'}",
            start_due=lambda: None,
            stop=threading.Event(),
            heartbeat=lambda: None,
        )


if __name__ == "__main__":
    main()
