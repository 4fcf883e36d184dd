"""A real worker is started on what the power cut left of the store and of its own `jobs.db`, by itself."""

import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from indexes.database import open_database
from indexes.queue import Queue
from tests.torture.power.cuts import Outcome, cuts
from tests.torture.power.disk import Disk, Image
from tests.torture.power.operations import Mark, Operation
from tests.torture.power.places import Places
from tests.torture.power.promises import Promises
from tests.torture.power.recorded import ALL
from tests.torture.power.recovery import Recovery, contents, write
from tests.torture.power.working import PATIENCE

STATES = ("as it was left", "lost", "older", "newer")  # of jobs.db


def hand_over(
    operations: Sequence[Operation],
    recovery: Recovery,
    scratch: Path,
    *,
    prefixes: Sequence[int],
    states: Sequence[str] = STATES,
    seed: int,
) -> Outcome:
    """Whatever state the jobs are in, all that was accepted comes to its end, once."""
    outcome, disk, promises = Outcome(operations=len(operations)), Disk(), Promises()
    last = _jobs(_at_the_end(operations))
    older: list[Mapping[str, bytes | None]] = [{}]
    for number, operation in enumerate(operations):
        disk.apply(operation)
        if isinstance(operation, Mark):
            promises.mark(operation.text)
        if number not in prefixes:
            continue
        draw = random.Random(f"{seed} {number}")
        outcome.prefixes += 1
        for state in states:
            [*_, (_name, cut)] = cuts(disk, 1, draw)
            image = disk.after(cut)
            jobs = _jobs(image)
            for path in jobs:
                del image[path]
            image.setdefault("data", None)
            image |= {"as it was left": jobs, "lost": {}, "older": draw.choice(older), "newer": last}[state]
            outcome.add(promises.worked_off().broken(recovery.of(_worked_off(image, scratch))), number, state)
        older.append(jobs)
    return outcome


def _worked_off(image: Image, scratch: Path) -> Image:
    """By one worker, until nothing waits. Raises AssertionError where that does not come."""
    with tempfile.TemporaryDirectory(dir=scratch, prefix="worker-") as name:
        places, marks = Places(root=Path(name) / "root"), Path(name) / "marks"
        places.root.mkdir()
        write(image, places.root)
        command = [
            sys.executable,
            "-m",
            "tests.torture.power.working",
            str(places.root),
            str(marks),
            "0",
            "0",
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE)
        database = open_database(places.url)
        assert Queue(database).unfinished(limit=1) == [], "the worker left something"
        database.dispose()
        return contents(places.root)


def _at_the_end(operations: Sequence[Operation]) -> Image:
    disk = Disk()
    for operation in operations:
        disk.apply(operation)
    return disk.after(ALL)


def _jobs(image: Image) -> dict[str, bytes | None]:
    name = "data/jobs.db"
    return {path: content for path, content in image.items() if path.startswith(name)}
