"""Watched folders: a change is noticed at once, by however many workers, and pulled once."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, update

from indexes import schema as s
from indexes.database import reading, writing
from indexes.workers import Workers
from ingest import watching as module
from ingest import worker
from ingest.folder import Folder
from ingest.sources import Files
from ingest.watching import LONGEST, SETTLE, Pace, Watching, changes
from tests.support.ingestion import Bench
from tests.support.waiting import until

NOTICED = 5.0  # seconds from a change to the pull that it causes


@pytest.fixture
def root(bench: Bench, tmp_path: Path) -> Path:
    made = tmp_path / "handbook"
    made.mkdir()
    bench.stores["handbook"] = Folder(made)
    return made


@pytest.fixture
def seen(root: Path) -> Iterator[list[float]]:
    """When something was noticed; the first is the look at the start."""
    stop, times = threading.Event(), []

    def run() -> None:
        for _ in changes(Folder(root), "", stop):
            times.append(time.monotonic())  # noqa: PERF401  it never ends

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: len(times) == 1, 15)
    time.sleep(0.3)  # until the watch stands
    yield times
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def _next(seen: list[float], change: Callable[[], object]) -> bool:
    """Whether a change is noticed within two seconds."""
    time.sleep(0.8)
    before = len(seen)
    change()
    deadline = time.monotonic() + 2
    while len(seen) == before and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(seen) > before


def test_what_is_noticed(root: Path, seen: list[float], tmp_path: Path) -> None:
    file, inner = root / "a.txt", root / "reports"
    assert _next(seen, lambda: file.write_text("The ferry leaves at noon."))
    assert _next(seen, lambda: file.rename(root / "b.txt"))
    assert _next(seen, inner.mkdir)
    assert _next(seen, lambda: (inner / "c.txt").write_text("In a folder that was not there."))
    assert _next(seen, (root / "b.txt").unlink)
    assert not _next(seen, lambda: (root / ".hidden").write_text("Nobody's business."))
    assert not _next(seen, (inner / "c.txt").read_text)
    (tmp_path / "outside").mkdir()
    assert _next(seen, lambda: (root / "link").symlink_to(tmp_path / "outside"))
    assert _next(seen, (root / "other").mkdir)  # all is watched anew, with the link there
    assert not _next(seen, lambda: (tmp_path / "outside" / "d.txt").write_text("Behind the link."))


def test_a_folder_that_is_mounted_again(root: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.1)
    bench.jobs.submit(bench.store.collection, pulled=[Files(store="handbook", watch=True)])
    bench.work()
    root.rmdir()
    watching = Watching(bench.pulls, bench.stores)
    try:
        watching.renew()
        time.sleep(0.3)
        root.mkdir()
        until(lambda: _next_at(bench) < time.time() + 60, 15)
    finally:
        watching.stop()


def test_what_lies_elsewhere_is_polled(
    root: Path, seen: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not module.is_remote(Path("/proc"))
    monkeypatch.setattr(module, "REMOTE", ("proc",))
    assert module.is_remote(Path("/proc/self"))
    monkeypatch.setattr(module, "is_remote", lambda _path: True)
    monkeypatch.setattr(module, "POLLED", 100)
    assert _next(seen, (root / "new").mkdir)  # watched anew, and now polled
    assert _next(seen, lambda: (root / "new" / "a.txt").write_text("The ferry leaves at noon."))


def test_the_pace() -> None:
    pace, now = Pace(), 1000.0
    first = pace.next(now)
    assert first == now + SETTLE
    assert pace.next(now + 1) == first  # that pull will find it
    pauses = []
    for _ in range(9):  # something changes right after every pull
        now = pace.planned + 0.1
        pauses.append(pace.next(now) - now)
    assert pauses == sorted(pauses)
    assert pauses[0] == pytest.approx(2 * SETTLE)
    assert pauses[-1] == pytest.approx(LONGEST)
    now = pace.planned + 2 * LONGEST + 1
    assert pace.next(now) == now + SETTLE


def _next_at(bench: Bench) -> float:
    [source] = bench.pulls.page(bench.store.collection)
    assert source.next_at is not None
    return source.next_at


def _pulls(bench: Bench) -> int:
    with reading(bench.store.database) as db:
        return len(db.execute(select(s.pulls.c.id)).all())


def test_two_workers_and_one_pull(bench: Bench, root: Path) -> None:
    (root / "a.txt").write_text("The ferry leaves at noon.")
    bench.jobs.submit(bench.store.collection, pulled=[Files(store="handbook", watch=True)])
    bench.work()
    workers = [Watching(bench.pulls, bench.stores) for _ in range(2)]
    try:
        for one in workers:
            one.renew()
        until(lambda: _next_at(bench) < time.time() + 60, 15)
        time.sleep(1)
        with writing(bench.store.database) as db:
            db.execute(update(s.sources).values(next_at=time.time() + 3600))
        before = _pulls(bench)
        (root / "b.txt").write_text("The tram leaves at night.")
        until(lambda: _next_at(bench) < time.time() + 60, 15)
        due = _next_at(bench) + 5
        with ThreadPoolExecutor(2) as pool:
            started = list(pool.map(lambda _: bench.pulls.start_due(due), range(2)))
        assert sorted(started) == [0, 1]
        assert _pulls(bench) == before + 1
    finally:
        for one in workers:
            one.stop()


def test_a_change_while_it_is_pulled_is_pulled_afterwards(bench: Bench, root: Path) -> None:
    (root / "a.txt").write_text("The ferry leaves at noon.")
    bench.jobs.submit(bench.store.collection, pulled=[Files(store="handbook", watch=True)])
    [source] = bench.pulls.page(bench.store.collection)
    now = time.time()
    bench.pulls.hasten(source.id, now)
    assert bench.pulls.start_due(now + 1) == 0  # the first still waits
    bench.work()
    assert bench.pulls.start_due(now + 1) == 1
    bench.pulls.hasten(source.id, now + 99_999)  # it is due before
    assert _next_at(bench) < now + 9_999


def test_one_that_is_pulled_once_can_be_hastened_once(bench: Bench, root: Path) -> None:
    bench.jobs.submit(bench.store.collection, pulled=[Files(store="handbook")])
    bench.work()
    [source] = bench.pulls.page(bench.store.collection)
    bench.pulls.hasten(source.id, 1.0)
    assert bench.pulls.start_due(time.time()) == 1
    [source] = bench.pulls.page(bench.store.collection)
    assert source.next_at is None


def test_a_worker_notices_within_seconds(
    bench: Bench, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "a.txt").write_text("The ferry leaves at noon.")
    bench.jobs.submit(bench.store.collection, pulled=[Files(store="handbook", watch=True)])
    watching, stop = Watching(bench.pulls, bench.stores), threading.Event()
    folder = tmp_path / "dbos"
    folder.mkdir()

    def due() -> None:
        watching.renew()
        bench.pulls.start_due(time.time())

    def live() -> list[str]:
        return sorted(bench.store.live().values())

    lines = [
        worker.Line(name="pull", task=bench.puller, waiting=lambda: bench.pulls.unfinished(limit=9)),
        worker.Line(
            name="ingest", task=bench.pipeline, waiting=lambda: bench.store.queue.unfinished(limit=9)
        ),
    ]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            worker.run_worker,
            lines,
            worker_id="test-0",
            workers=Workers(bench.store.database),
            jobs_database=f"sqlite:///{folder / 'jobs.db'}",
            start_due=due,
            stop=stop,
            heartbeat=lambda: None,
        )
        try:
            until(lambda: live() == ["The ferry leaves at noon."], 60)
            until(lambda: _pulls(bench) == 2, 60)  # the second when its watch began
            until(lambda: not bench.pulls.unfinished(limit=9) and _next_at(bench) > time.time() + 60, 60)
            time.sleep(2 * SETTLE)
            began = time.monotonic()
            (root / "b.txt").write_text("The tram leaves at night.")
            until(lambda: _pulls(bench) == 3, 15)
            assert time.monotonic() - began < NOTICED
            until(lambda: len(live()) == 2, 15)
            os.unlink(root / "a.txt")
            until(lambda: live() == ["The tram leaves at night."], 15)
        finally:
            stop.set()
            watching.stop()
            running.result(30)
