"""`python -m bench.training_asking`: asking while an adapter is trained, against the same with that halted.

The real API; the training as the worker runs it, at the priority of ingestion. Blocks of questions with the
training running and with it halted take turns, as in `bench.asking`.
"""

import argparse
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil

from app.cli.prepare import prepare_with_bar
from app.settings import Settings
from bench.asking import PAUSE, SEED, Asked, milliseconds, timed
from bench.figures import show
from bench.service import serving
from bench.texts import questions, small
from bench.training import REPORTS
from bench.tuned import begun, plan, rows
from evaluation.report import Report, Section, surroundings
from tuning.run import run

DOCUMENTS = 200
ROWS, VALIDATE = 200, 10
EPOCHS = 100  # more than the questions last
PAIRS = 20
BLOCK = 8  # questions
PATIENCE = 600.0  # seconds until the documents are worked off, or the training has begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="of blocks of questions")
    parser.add_argument("--write", action="store_true", help=f"into {REPORTS}")
    asked = parser.parse_args()
    settings = Settings()
    prepare_with_bar(settings)
    with (
        tempfile.TemporaryDirectory(prefix="simurgh-bench-") as service,
        tempfile.TemporaryDirectory(prefix="simurgh-bench-") as training,
    ):
        idle, busy = _measured(Path(service), Path(training) / "run", settings, asked.pairs)
    table = milliseconds(idle, busy)
    show(table)
    if asked.write:
        text = (
            f"{asked.pairs} pairs of blocks of {BLOCK} questions over {DOCUMENTS} short texts took "
            "turns, with a training of the bundled model halted (SIGSTOP, `idle`) and running (`busy`); one "
            f"question at a time, {PAUSE[0]} to {PAUSE[1]} s apart, each to `/ask` (answered by the reader) "
            "and then to `/search`. The training runs as the worker runs it, at the priority of ingestion."
        )
        section = Section(title="Asking while an adapter is trained", text=text, tables=(table,))
        Report(title="Training and asking", facts=surroundings(), sections=(section,)).write(
            REPORTS, "training_asking"
        )


def _measured(
    service_folder: Path, training_folder: Path, settings: Settings, pairs: int
) -> tuple[Asked, Asked]:
    texts = [(f"{number}.txt", text.encode()) for number, text in enumerate(small(DOCUMENTS))]
    asked = iter(questions(2 * pairs * BLOCK + BLOCK, seed=SEED))
    chance = random.Random(SEED)
    idle, busy = Asked(), Asked()
    with serving(service_folder) as service:
        service.wait(service.ingest(texts), PATIENCE)

        def block(times: Asked) -> None:
            for _ in range(BLOCK):
                time.sleep(chance.uniform(*PAUSE))
                timed(service, next(asked), times)

        block(Asked())  # warm
        with _training(training_folder, settings) as training:
            for pair in range(pairs):
                for times in (idle, busy) if pair % 2 else (busy, idle):
                    if times is idle:
                        training.suspend()
                    block(times)
                    if times is idle:
                        training.resume()
            assert training.is_running(), "it ended before the last question"
    return idle, busy


@contextmanager
def _training(folder: Path, settings: Settings) -> Iterator[psutil.Process]:
    """One that has taken its first step, until the end of the block."""
    work = begun(
        folder, settings, replace(plan("lora"), epochs=EPOCHS), rows(ROWS + VALIDATE), validate=VALIDATE
    )
    cancelled, learns = threading.Event(), threading.Event()

    def tell(event: object) -> None:
        learns.set()

    thread = threading.Thread(target=run, args=(work,), kwargs={"tell": tell, "cancelled": cancelled})
    thread.start()
    try:
        assert learns.wait(PATIENCE), work.log.read_text()[-2000:]
        (child,) = (one for one in psutil.Process().children() if "tuning.train" in one.cmdline())
        yield child
        child.resume()
    finally:
        cancelled.set()
        thread.join()


if __name__ == "__main__":
    main()
