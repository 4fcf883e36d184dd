"""Asking while thousands of documents are worked off: its time against the same with the worker halted.

The real API, worker and parser; the engine is left out, for without an adapter the reader answers. Blocks of
questions with the worker running and with it halted take turns, so that the collection's growth and whatever
else the machine does trouble both alike.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.service import Service, serving
from bench.texts import questions, small
from evaluation.report import Table

WARM = 200  # documents, at most, that are there before the first block
PATIENCE = 1800.0  # seconds until those are worked off, on a busy machine
LONGEST = 3600.0  # seconds that the rest may take
SAMPLED = 10.0  # seconds between two looks at the memory meanwhile
PAUSE = (0.4, 1.2)  # seconds between two, drawn evenly
SEED = 0
IDLE, BUSY = "idle", "busy"
BLOCK = {IDLE: 8, BUSY: 16}  # questions
PAIR = sum(BLOCK.values())


@dataclass(kw_only=True)
class Asked:
    """Milliseconds of each question, in their order."""

    ask: list[float] = field(default_factory=list)
    search: list[float] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Sample:
    done: int  # documents
    api: float  # MiB
    worker: float  # MiB, the parser's among them


@dataclass(frozen=True, kw_only=True)
class Asking:
    documents: int
    queued: float  # seconds that handing them in took
    worked: float  # seconds in which the worker ran
    worked_off: int  # documents in those
    unasked: int  # documents that were worked off after the last question
    took: float  # seconds of it
    job: float  # milliseconds of GET /jobs/{id} in the middle
    blocks: int
    idle: Asked
    busy: Asked
    memory: Sequence[Sample]
    jobs_database: float  # MiB at the end


def measure(documents: int, *, blocks: int) -> Asking:
    """``blocks`` pairs of blocks of questions at most; then the rest is worked off with nobody asking."""
    with tempfile.TemporaryDirectory(prefix="simurgh-bench-") as folder, serving(Path(folder)) as service:
        return _measured(service, documents, blocks)


def _measured(service: Service, documents: int, blocks: int) -> Asking:
    warm = min(WARM, documents // 4)
    texts = small(documents + warm)
    files = [(f"{number}.txt", text.encode()) for number, text in enumerate(texts)]
    asked = questions(PAIR * blocks, seed=SEED)
    chance = random.Random(SEED)
    service.wait(service.ingest(files[:warm]), PATIENCE)
    for question in asked[:PAIR]:
        timed(service, question, Asked())  # warm
    begun = time.monotonic()
    jobs = service.ingest(files[warm:])
    queued = time.monotonic() - begun
    times = {IDLE: Asked(), BUSY: Asked()}
    memory = [_sample(service)]
    worked, job, pairs = 0.0, [], 0
    for pair in range(blocks):
        for state in (IDLE, BUSY) if pair % 2 else (BUSY, IDLE):
            if state == IDLE:
                service.pause()
            else:
                begun = time.monotonic()
            first = pair * PAIR + (BLOCK[IDLE] if state == BUSY else 0)
            for question in asked[first : first + BLOCK[state]]:
                time.sleep(chance.uniform(*PAUSE))
                timed(service, question, times[state])
            if state == BUSY:
                worked += time.monotonic() - begun
            else:
                service.resume()
        memory.append(_sample(service))
        job.append(_answered(service, f"/jobs/{jobs[0]}"))
        pairs = pair + 1
        if memory[-1].done >= documents + warm:
            break
    asked_until, begun = memory[-1].done, time.monotonic()
    while memory[-1].done < documents + warm and time.monotonic() < begun + LONGEST:
        time.sleep(SAMPLED)
        memory.append(_sample(service))
    return Asking(
        documents=documents,
        queued=queued,
        worked=worked,
        worked_off=asked_until - memory[0].done,
        unasked=memory[-1].done - asked_until,
        took=time.monotonic() - begun,
        job=statistics.median(job),
        blocks=pairs,
        idle=times[IDLE],
        busy=times[BUSY],
        memory=memory,
        jobs_database=(service.folder / "jobs.db").stat().st_size / 2**20,
    )


def milliseconds(idle: Asked, busy: Asked) -> Table:
    rows = []
    for name, one, other in (("/ask", idle.ask, busy.ask), ("/search", idle.search, busy.search)):
        for share in (50, 95, 99):
            alone, beside = float(np.percentile(one, share)), float(np.percentile(other, share))
            rows.append((f"{name}, p{share}", f"{alone:.0f}", f"{beside:.0f}", f"{beside / alone:.2f}x"))
    return Table(title="Milliseconds", header=("", "idle", "busy", "ratio"), rows=tuple(rows))


def _sample(service: Service) -> Sample:
    return Sample(done=service.ended(), api=service.memory("api"), worker=service.memory("worker"))


def timed(service: Service, question: str, times: Asked) -> None:
    """One question to `/ask` and `/search`, added to ``times``."""
    for path, taken in (("/ask", times.ask), ("/search", times.search)):
        begun = time.perf_counter()
        answer = service.http.post(path, json={"question": question})
        if answer.is_error:
            raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text}")
        taken.append(1000 * (time.perf_counter() - begun))


def _answered(service: Service, path: str) -> float:
    begun = time.perf_counter()
    service.http.get(path).raise_for_status()
    return 1000 * (time.perf_counter() - begun)
