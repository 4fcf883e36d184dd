"""Kills doors and workers again and again, lets what is left be worked off, and looks what became of it."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from indexes import schema as s
from indexes.database import reading
from indexes.verify import verify
from tests.torture.parts import Parts, build
from tests.torture.victim import DOOR_POINTS, NEVER, SAYS, WORKER_POINTS, text_of

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds that a victim may take to die; then it is killed where it is
DRAIN = 300.0  # seconds to work off what is left
Say = Callable[[str], None]


@dataclass
class Ledger:
    """What was promised: by source, the editions in the order in which they were handed in."""

    acknowledged: dict[int, list[int]] = field(default_factory=dict)
    begun: dict[int, set[int]] = field(default_factory=dict)  # handed in, perhaps without an answer
    deleted: set[tuple[int, int]] = field(default_factory=set)

    def read(self, lines: str) -> None:
        for line in lines.splitlines():
            if not line.startswith(SAYS):
                continue
            what, source, edition, *_rest = line.removeprefix(SAYS).split()
            key, number = int(source), int(edition)
            if what == "begun":
                self.begun.setdefault(key, set()).add(number)
            elif what == "acknowledged":
                self.acknowledged.setdefault(key, []).append(number)
            elif what == "deleted":
                self.deleted.add((key, number))


def torture(url: str, folder: Path, *, kills: int, seed: int, say: Say) -> Counter[str]:
    """How many processes were killed, by where. Raises AssertionError for whatever was lost or doubled."""
    draw, ledger, killed = random.Random(seed), Ledger(), Counter[str]()
    parts = build(url, folder)
    try:
        while killed.total() < kills:
            role = draw.choice(["door", "worker", "worker"])
            point = draw.choice([*(DOOR_POINTS if role == "door" else WORKER_POINTS), "any time"])
            ended = _run(role, url, folder, point, draw, ledger)
            killed[f"{role}: {point}"] += ended
            if killed.total() % 20 == 0:
                say(f"{killed.total()} of {kills} killed")
        _drain(parts, url, folder)
        check(parts, ledger)
    finally:
        parts.cage.close()
        parts.database.dispose()
    return killed


def _run(role: str, url: str, folder: Path, point: str, draw: random.Random, ledger: Ledger) -> bool:
    """Whether it was killed, by itself or from outside, before it had done everything."""
    at = NEVER if point == "any time" else point
    process = _start(role, url, folder, at, times=draw.randint(1, 4), seed=draw.randrange(10**9))
    patience = draw.uniform(0.5, 5.0) if point == "any time" else PATIENCE
    if role == "worker" and point != "any time":
        patience = 8.0  # with nothing left to do it would never come to the point
    try:
        out, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
    ledger.read(out)
    return process.returncode == -signal.SIGKILL


def _start(role: str, url: str, folder: Path, point: str, *, times: int, seed: int) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "tests.torture.victim",
        role,
        url,
        str(folder),
        point,
        str(times),
        str(seed),
    ]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _drain(parts: Parts, url: str, folder: Path) -> None:
    """One worker that nobody kills, until nothing waits."""
    process = _start("worker", url, folder, NEVER, times=1, seed=0)
    deadline = time.monotonic() + DRAIN
    try:
        while parts.queue.unfinished(limit=1) and time.monotonic() < deadline:
            assert process.poll() is None, "the worker ended by itself"
            time.sleep(0.2)
    finally:
        process.terminate()
        process.communicate()
    assert parts.queue.unfinished(limit=1) == []


def check(parts: Parts, ledger: Ledger) -> None:
    """Raises AssertionError, saying what of the promises was broken."""
    with reading(parts.database) as db:
        rows = db.execute(
            select(s.documents.c.name, s.documents.c.id, s.versions.c.text)
            .join(s.versions, s.versions.c.id == s.documents.c.version_id)
            .where(s.documents.c.deleted_at.is_(None))
        ).all()
        live = db.execute(
            select(s.chunks.c.document_id, s.chunks.c.start, s.chunks.c.text).where(
                s.chunks.c.dead_seq.is_(None)
            )
        ).all()
        open_jobs = db.execute(
            select(func.count()).where(s.jobs.c.status.in_(("queued", "running")))
        ).scalar_one()
        failed = db.execute(select(s.versions.c.error).where(s.versions.c.status == "failed")).scalars().all()
    there = {int(row.name.removesuffix(".txt")): row.text for row in rows}
    assert len(there) == len(rows), "a source has two documents"
    for source, editions in ledger.acknowledged.items():
        last = editions[-1]
        # One that was begun after it and got no answer may be there, or not; nothing else may.
        unanswered = ledger.begun[source] - set(editions)
        allowed = {text_of(source, one) for one in (last, *unanswered)}
        if (source, last) in ledger.deleted:
            assert there.get(source) in {None, *(text_of(source, one) for one in unanswered)}, (
                "a deleted text is back"
            )
        else:
            assert there.get(source) in allowed, f"what was acknowledged of {source} is lost"
    for source in there:
        assert source in ledger.begun, "nobody handed it in"
    spans = Counter((row.document_id, row.start) for row in live)
    assert not spans or max(spans.values()) == 1, "a chunk is there twice"
    for row in rows:
        expected = [one.text for one in parts.chunker.chunks(row.text, markdown=False, page_starts=None)]
        found = sorted((one.start, one.text) for one in live if one.document_id == row.id)
        assert [text for _, text in found] == expected, "chunks are missing, or another version's"
    assert open_jobs == 0, "a job never ended"
    assert failed == [], failed
    assert verify(parts.database, parts.blobs).problems == []
