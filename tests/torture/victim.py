"""`python -m tests.torture.victim ROLE URL FOLDER POINT TIMES SEED`: a process that kills itself with -9.

It does so when it has come to POINT for the TIMES-th time; at `never` somebody else may. As `door` it hands
documents in and says on standard output what was acknowledged; as `worker` it works them off.
"""

import io
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from indexes import blobs as blobs_module
from indexes.workers import Workers
from ingest import pipeline as pipeline_module
from ingest import worker
from ingest.jobs import File
from ingest.slot import slot
from tests.torture.parts import Parts, build

NEVER = "never"
SAYS = "@ "  # how its lines begin, among those of the log
DOOR_POINTS = ("bytes half written", "bytes stored", "rows being committed", "rows committed")
WORKER_POINTS = ("taken", "read", "embedded", "rows being committed", "rows committed", "ended")
DOCUMENTS = 6  # that a door hands in
SOURCES = 40


def main() -> None:
    role, url, folder, point, times, seed = sys.argv[1:]
    parts = build(url, Path(folder))
    _arm(parts, point, int(times))
    if role == "door":
        _door(parts, random.Random(int(seed)))
    else:
        _work(parts, url, Path(folder))


def text_of(source: int, edition: int) -> str:
    """Several chunks, some of which an earlier edition had."""
    lines = [
        f"The ferry number {source} leaves pier {line} at noon on every day of the week." for line in range(4)
    ]
    return " ".join(
        [*lines, f"This is edition {edition} of the timetable of ferry {source}, and none other."]
    )


def _door(parts: Parts, draw: random.Random) -> None:
    for _ in range(DOCUMENTS):
        source, edition = draw.randrange(SOURCES), draw.randrange(10**9)
        content = io.BytesIO(text_of(source, edition).encode())
        print(f"{SAYS}begun {source} {edition}", flush=True)  # noqa: T201
        [document] = parts.jobs.submit(
            parts.collection, files=[File(name=f"{source}.txt", media_type="text/plain", stream=content)]
        )[1]
        print(f"{SAYS}acknowledged {source} {edition} {document.document_id}", flush=True)  # noqa: T201
        if draw.random() < 0.2:
            parts.documents.delete(parts.documents.get("default", document.document_id))
            print(f"{SAYS}deleted {source} {edition}", flush=True)  # noqa: T201


def _work(parts: Parts, url: str, folder: Path) -> None:
    # That a document is given up after three workers is right, and not what is tried here.
    pipeline_module.MAX_ATTEMPTS = 10**9
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    line = worker.Line(name="ingest", task=parts.pipeline, waiting=lambda: parts.queue.unfinished(limit=100))
    jobs = url if url.startswith("postgresql") else f"sqlite:///{folder / 'jobs.db'}"
    with slot(folder) as worker_id:
        worker.run_worker(
            [line],
            worker_id=worker_id,
            workers=Workers(parts.database),
            jobs_database=jobs,
            start_due=lambda: None,
            stop=stop,
            heartbeat=lambda: None,
        )


def _arm(parts: Parts, point: str, times: int) -> None:
    if point == NEVER:
        return
    left = [times]

    def reached() -> None:
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(owner: Any, name: str) -> None:
        owner_s = getattr(owner, name)
        setattr(owner, name, lambda *args, **more: (reached(), owner_s(*args, **more))[1])

    def after(owner: Any, name: str) -> None:
        owner_s = getattr(owner, name)

        def run(*args: Any, **more: Any) -> Any:
            result = owner_s(*args, **more)
            reached()
            return result

        setattr(owner, name, run)

    places: dict[str, Callable[[], None]] = {
        "bytes half written": lambda: before(blobs_module.os, "fsync"),
        "bytes stored": lambda: after(parts.blobs, "put"),
        "taken": lambda: after(parts.queue, "take"),
        "read": lambda: after(parts.cage, "extract"),
        "embedded": lambda: after(parts.pipeline, "_embed"),
        "rows being committed": lambda: _in_commit(parts, reached),
        "rows committed": lambda: (after(parts.queue, "commit"), after(parts.queue, "accept"))[0],
        "ended": lambda: after(parts.queue, "end"),
    }
    places[point]()


def _in_commit(parts: Parts, reached: Callable[[], None]) -> None:
    """After all statements of a transaction that inserts, before its end."""
    from sqlalchemy import event

    inserted: set[int] = set()

    def statement(connection: Any, _cursor: Any, sql: str, *_more: Any) -> None:
        if sql.lstrip().upper().startswith("INSERT"):
            inserted.add(id(connection))

    def commit(connection: Any) -> None:
        if id(connection) in inserted:
            inserted.discard(id(connection))
            reached()

    event.listen(parts.database, "before_cursor_execute", statement)
    event.listen(parts.database, "commit", commit)


if __name__ == "__main__":
    main()
