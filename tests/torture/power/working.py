"""`python -m tests.torture.power.working ROOT MARKS SEED DOCUMENTS`: a door and a worker in one process.

It ends when nothing waits any more. With no DOCUMENTS it works off what is there.
"""

import io
import random
import sys
import threading
from pathlib import Path

from indexes.durable import make_folder
from indexes.errors import SimurghError
from indexes.workers import Workers
from ingest import worker
from ingest.jobs import File
from tests.torture.ledger import text_of
from tests.torture.power.marks import Marks
from tests.torture.power.parts import Parts, build, build_tools
from tests.torture.power.places import TENANTS, Places

SOURCES = 4
PATIENCE = 300.0  # seconds for all of it


class Marked:
    """The pipeline, which says when a version's end was promised to the worker."""

    def __init__(self, parts: Parts, marks: Marks) -> None:
        self._parts, self._marks = parts, marks

    def ingest(self, version_id: str, /) -> None:
        with self._marks.promised("version", id=version_id):
            self._parts.pipeline.ingest(version_id)

    def give_up(self, version_id: str, error: SimurghError, /) -> None:
        self._parts.pipeline.give_up(version_id, error)


def main() -> None:
    root, marks_file, seed, documents = sys.argv[1:]
    places, draw, stop = Places(root=Path(root)), random.Random(int(seed)), threading.Event()
    tools, marks = build_tools(Path(marks_file).parent), Marks(Path(marks_file))
    make_folder(places.data)
    parts = build(places.url, places.data, tools)

    def hand_in() -> None:
        for _ in range(int(documents)):
            source, edition = draw.randrange(SOURCES), draw.randrange(10**9, 10**10)
            content = io.BytesIO(text_of(source, edition).encode())
            with marks.promised("submit", tenant=TENANTS[0], source=source, edition=edition):
                file = File(name=f"{source}.txt", media_type="text/plain", stream=content)
                parts.jobs.submit(parts.collection, files=[file])
        for _ in range(int(PATIENCE / 0.2)):
            if stop.wait(0.2) or not parts.queue.unfinished(limit=1):
                break
        stop.set()

    door = threading.Thread(target=hand_in)
    door.start()
    try:
        worker.run_worker(
            [
                worker.Line(
                    name="ingest",
                    task=Marked(parts, marks),
                    waiting=lambda: parts.queue.unfinished(limit=100),
                )
            ],
            worker_id="one",
            workers=Workers(parts.database),
            jobs_database=f"sqlite:///{places.jobs}",
            start_due=lambda: None,
            stop=stop,
            heartbeat=lambda: None,
        )
    finally:
        stop.set()
        door.join()
        tools.cage.close()
        parts.database.dispose()


if __name__ == "__main__":
    main()
