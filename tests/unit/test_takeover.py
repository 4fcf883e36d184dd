"""A worker that is killed in mid-job: another one, or the next one, ends it, once in effect."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from indexes import schema as s
from indexes.database import reading
from indexes.workers import Workers
from ingest import worker
from ingest.slot import slot
from ingest.worker import Line
from tests.support.store import TENANT, Store
from tests.unit.test_worker import FakePipeline

ROOT = Path(__file__).parents[2]


@contextmanager
def killed_in_mid_job(store: Store, folder: Path) -> Iterator[str]:
    """A real worker process that took a document up and was killed with -9; its version's id."""
    mark = folder / "mark"
    url = store.database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.support.slow_worker", url, str(folder), str(mark)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        deadline = time.monotonic() + 60
        while not mark.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        assert mark.exists()
    finally:
        process.kill()
        process.wait()
    yield mark.read_text()


def work(store: Store, folder: Path, job_id: str, worker_id: str) -> float:
    """Another worker until the job has ended; seconds that it took."""
    stop, started = threading.Event(), time.monotonic()
    line = Line(name="ingest", task=FakePipeline(store), waiting=lambda: store.queue.unfinished(limit=9))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            worker.run_worker,
            [line],
            worker_id=worker_id,
            workers=Workers(store.database),
            jobs_database=f"sqlite:///{folder / 'jobs.db'}",
            start_due=lambda: None,
            stop=stop,
            heartbeat=lambda: None,
        )
        while store.queue.job(TENANT, job_id).status != "succeeded" and time.monotonic() - started < 90:
            time.sleep(0.1)
        took = time.monotonic() - started
        stop.set()
        running.result(30)
    assert store.queue.job(TENANT, job_id).status == "succeeded"
    return took


def committed(store: Store) -> int:
    with reading(store.database) as db:
        return int(db.execute(select(func.count()).select_from(s.chunks)).scalar_one())


def test_another_worker_ends_it_within_a_minute(sqlite: Engine, tmp_path: Path) -> None:
    store = Store(sqlite)
    job_id, _documents, _versions = store.accept("a")
    with killed_in_mid_job(store, tmp_path):
        assert work(store, tmp_path, job_id, "another-host-0") <= 60
    assert committed(store) == 1


def test_the_next_one_on_its_place_ends_it_at_once(sqlite: Engine, tmp_path: Path) -> None:
    store = Store(sqlite)
    job_id, _documents, _versions = store.accept("a")
    with killed_in_mid_job(store, tmp_path), slot(tmp_path) as worker_id:
        assert work(store, tmp_path, job_id, worker_id) <= 20
    assert committed(store) == 1


def test_live_workers_have_places_of_their_own(tmp_path: Path) -> None:
    with slot(tmp_path) as first:
        with slot(tmp_path) as second:
            assert first != second
        with slot(tmp_path) as third:
            assert third == second
    with slot(tmp_path) as again:
        assert again == first


def test_who_lives(database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers(database)
    workers.beat("one")
    workers.beat("two")
    assert workers.live(within=5) == {"one", "two"}
    later = time.time() + 10
    monkeypatch.setattr(time, "time", lambda: later)
    workers.beat("two")
    assert workers.live(within=5) == {"two"}
