"""The worker over its real durable queue: what a stop or a fault leaves is taken up again."""

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine

from indexes.errors import SimurghError, Unavailable
from indexes.queue import Queue
from indexes.workers import Workers
from ingest import worker
from ingest.worker import Line
from tests.support.store import TENANT, Store


class FakePipeline:
    """Commits a version's name as its text, unless told to raise."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.error: Exception | None = None
        self.tried = 0

    def ingest(self, version_id: str) -> None:
        self.tried += 1
        if self.error is not None:
            raise self.error
        version = self._store.queue.take(version_id)
        if version is not None:
            self._store.commit(version, version.name)

    def give_up(self, version_id: str, error: SimurghError) -> None:
        raise Unavailable("the database is away, too")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(worker, "RECHECK", 1.0)
    monkeypatch.setattr(worker, "SWEEP", 0.5)


@pytest.fixture
def store(sqlite: Engine) -> Store:
    return Store(sqlite)


def run(store: Store, pipeline: FakePipeline, folder: Path, until: Callable[[], bool]) -> None:
    """A worker from its start until something is true."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            worker.run_worker,
            [Line(name="ingest", task=pipeline, waiting=lambda: Queue(store.database).unfinished(limit=9))],
            worker_id="test-0",
            workers=Workers(store.database),
            jobs_database=f"sqlite:///{folder / 'jobs.db'}",
            start_due=lambda: None,
            stop=stop,
            heartbeat=lambda: None,
        )
        deadline = time.monotonic() + 30
        while not until() and time.monotonic() < deadline and not running.done():
            time.sleep(0.05)
        stop.set()
        running.result(30)
    assert until()


def test_what_was_broken_off_is_taken_up(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = FakePipeline(store)
    job_id, _documents, _versions = store.accept("a", "b")

    def ended() -> bool:
        return store.queue.job(TENANT, job_id).status == "succeeded"

    # It fails, patience waits, and the worker is stopped meanwhile: its workflow ends, the version does not.
    pipeline.error = Unavailable("away")
    with monkeypatch.context() as patch:
        patch.setattr(worker, "FIRST_PAUSE", 60.0)
        run(store, pipeline, tmp_path, lambda: pipeline.tried >= 1)
    assert len(store.queue.unfinished(limit=9)) == 2
    # It never passes, and giving it up fails as well; then all is well again, without another start.
    pipeline.tried = 0

    def recovers() -> bool:
        if pipeline.tried >= worker.TRIES:
            pipeline.error = None
        return ended()

    run(store, pipeline, tmp_path, recovers)


def test_what_ended_does_not_pile_up(store: Store, tmp_path: Path) -> None:
    job_id, _documents, _versions = store.accept(*"abcdef")

    def nothing_is_left() -> bool:
        if store.queue.job(TENANT, job_id).status != "succeeded":
            return False
        with sqlite3.connect(tmp_path / "jobs.db") as db:
            return db.execute("select count(*) from workflow_status").fetchone() == (0,)

    run(store, FakePipeline(store), tmp_path, nothing_is_left)


class LongPull:
    def __init__(self) -> None:
        self.waiting = ["the-pull"]
        self.release = threading.Event()

    def ingest(self, pull_id: str) -> None:
        assert pull_id == "the-pull"
        self.release.wait(30)
        self.waiting.clear()

    def give_up(self, pull_id: str, error: SimurghError) -> None:
        raise AssertionError(pull_id, error)


def test_a_long_pull_does_not_hold_up_documents(store: Store, tmp_path: Path) -> None:
    pull, due = LongPull(), []
    job_id, _documents, _versions = store.accept("a")
    lines = [
        Line(name="pull", task=pull, waiting=lambda: list(pull.waiting)),
        Line(name="ingest", task=FakePipeline(store), waiting=lambda: store.queue.unfinished(limit=9)),
    ]
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            worker.run_worker,
            lines,
            worker_id="test-0",
            workers=Workers(store.database),
            jobs_database=f"sqlite:///{tmp_path / 'jobs.db'}",
            start_due=lambda: due.append(1),
            stop=stop,
            heartbeat=lambda: None,
        )
        deadline = time.monotonic() + 30
        while store.queue.job(TENANT, job_id).status != "succeeded" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert pull.waiting == ["the-pull"]
        assert store.queue.job(TENANT, job_id).status == "succeeded"
        pull.release.set()
        while pull.waiting and time.monotonic() < deadline:
            time.sleep(0.05)
        stop.set()
        running.result(30)
    assert pull.waiting == []
    assert due
