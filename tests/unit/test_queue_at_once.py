"""Several who write versions at once, and a disk that is full, on both databases."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from indexes import changes as changes_module
from indexes.errors import (
    DocumentNotFound,
    StorageFull,
)
from indexes.queue import Queue
from tests.support.store import MAX_QUEUED, TENANT, Store


@pytest.fixture
def store(database: Engine) -> Store:
    return Store(database)


def test_replay_tells_of_one_moment_whatever_is_committed_meanwhile(
    store: Store, second_engine: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexes.chunks.REPLAY_ROWS", 2)
    store.add("a1\na2\na3", source="a")
    store.add("b1\nb2", source="b")
    expected = set(store.live())
    other = Store(second_engine())

    def change() -> None:
        other.add("a new", source="a")
        other.add("c")

    replay = store.chunks.changes(store.collection, after=-1)
    seen, pieces = set(next(replay).added.tolist()), 0
    with ThreadPoolExecutor(1) as pool:
        # On SQLite a writer waits for readers; on PostgreSQL it need not.
        changing = pool.submit(change)
        if store.database.dialect.name == "postgresql":
            changing.result(20)
        for piece in replay:
            seen |= set(piece.added.tolist())
            pieces += 1
        assert piece.seq == 2
        changing.result(20)
    assert pieces >= 3
    assert seen == expected
    after = list(store.chunks.changes(store.collection, after=2))
    seen -= {one for piece in after for one in piece.removed.tolist()}
    seen |= {one for piece in after for one in piece.added.tolist()}
    assert seen == set(store.live())


def test_replay_of_a_commit_between_its_own_reads(store: Store, second_engine: Callable[[], Engine]) -> None:
    """After the seq was read and before the rows are: they must still be those of that seq."""
    store.add("a1\na2", source="a")
    expected = set(store.live())
    other = Store(second_engine())
    done = threading.Event()

    def between(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if "dead_seq >" in statement and not done.is_set():
            done.set()
            if store.database.dialect.name == "postgresql":  # SQLite's writers wait for readers
                other.add("a new", source="a")

    event.listen(store.database, "before_cursor_execute", between)
    pieces = list(store.chunks.changes(store.collection, after=-1))
    event.remove(store.database, "before_cursor_execute", between)
    assert {one for piece in pieces for one in piece.added.tolist()} == expected
    assert pieces[-1].seq == 1


def test_many_accept_commit_and_delete_at_once(store: Store, second_engine: Callable[[], Engine]) -> None:
    """One document a source, one live version, every job ended."""
    stores = [store, Store(second_engine()), Store(second_engine())]
    jobs: list[str] = []

    def work(number: int) -> None:
        mine = stores[number]
        for turn in range(6):
            job_id, documents, versions = mine.accept(
                f"{number} {turn} x", f"{number} {turn} y", source=f"page {turn % 2}"
            )
            jobs.append(job_id)
            if turn == 3:
                with suppress(DocumentNotFound):  # another thread deleted it first
                    mine.delete(documents[0].split(":")[0])
            for version_id in versions:
                version = mine.queue.take(version_id)
                if version is not None:
                    mine.commit(version, f"{number} {turn}")

    with ThreadPoolExecutor(len(stores)) as pool:
        list(pool.map(work, range(len(stores))))
    assert {store.queue.job(TENANT, job_id).status for job_id in jobs} == {"succeeded"}
    page = store.documents.page(store.collection, limit=100, after=None)
    assert len({document.name for document in page.data}) == len(page.data)
    assert all(document.chunks <= 1 for document in page.data)


def test_a_cancelled_version_is_not_taken_up_again(store: Store, second_engine: Callable[[], Engine]) -> None:
    """The cancel comes between the worker's look and its mark."""
    job_id, _documents, [version_id] = store.accept("a")
    other = Queue(second_engine())
    if store.database.dialect.name == "sqlite":  # the worker's look already holds the write lock
        other.cancel(TENANT, job_id)
        assert store.queue.take(version_id) is None
        return
    done = threading.Event()

    def between(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("UPDATE versions") and not done.is_set():
            done.set()
            other.cancel(TENANT, job_id)

    event.listen(store.database, "before_cursor_execute", between)
    assert store.queue.take(version_id) is None
    assert store.queue.job(TENANT, job_id).documents[0].status == "cancelled"


def test_another_writer_is_waited_for(store: Store) -> None:
    if store.database.dialect.name == "postgresql":
        blocker = store.database.connect()
        transaction = blocker.begin()
        changes_module.lock(blocker, store.collection.id)
    else:
        blocker = store.database.connect().execution_options(simurgh_write=True)
        transaction = blocker.begin()
    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(store.add, "patient")
        time.sleep(0.3)
        assert not adding.done()
        transaction.rollback()
        blocker.close()
        adding.result(10)
    assert list(store.live().values()) == ["patient"]


def test_a_full_disk_loses_nothing(store: Store) -> None:
    store.add("kept")

    _job, _documents, [version_id] = store.accept("too much")
    version = store.take(version_id)
    if store.database.dialect.name == "sqlite":
        with store.database.connect() as db:
            pages = db.exec_driver_sql("PRAGMA page_count").scalar_one()
        event.listen(store.database, "begin", lambda db: db.exec_driver_sql(f"PRAGMA max_page_count={pages}"))
        with pytest.raises(StorageFull):
            store.commit(version, "line\n" * 20_000)
    else:
        event.listen(store.database, "before_cursor_execute", _no_space_for_chunks)
        with pytest.raises(StorageFull):
            store.commit(version, "line\n")
        event.remove(store.database, "before_cursor_execute", _no_space_for_chunks)
    assert list(store.live().values()) == ["kept"]
    assert store.queue.unfinished(limit=MAX_QUEUED) == [version_id]


def _no_space_for_chunks(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
    if statement.startswith("INSERT INTO chunks"):
        cause = psycopg.errors.DiskFull('could not extend file "base/1/2": No space left on device')
        raise OperationalError(statement, {}, cause)
