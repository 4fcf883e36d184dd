"""`python -m tests.torture.power.worker URL FOLDER`: works off what waits, until it is told to stop."""

import signal
import sys
import threading
from pathlib import Path

from indexes.workers import Workers
from ingest import worker
from ingest.slot import slot
from tests.torture.power.parts import build, build_tools


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    parts = build(url, folder, build_tools(folder))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    line = worker.Line(name="ingest", task=parts.pipeline, waiting=lambda: parts.queue.unfinished(limit=100))
    with slot(folder) as worker_id:
        worker.run_worker(
            [line],
            worker_id=worker_id,
            workers=Workers(parts.database),
            jobs_database=f"sqlite:///{folder / 'jobs.db'}",
            start_due=lambda: None,
            stop=stop,
            heartbeat=lambda: None,
        )


if __name__ == "__main__":
    main()
