"""The indexes that answer: always up to the database, whatever happened to the files."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine

from indexes import faiss_index, hybrid, live
from indexes.errors import CollectionNotFound, IndexUnavailable
from indexes.hybrid import Query
from indexes.live import LiveIndexes
from indexes.snapshots import Snapshots
from tests.support.searching import found
from tests.support.store import TENANT, Store
from tests.support.waiting import until

Open = Callable[[], LiveIndexes]


@pytest.fixture
def store(sqlite: Engine) -> Store:
    return Store(sqlite)


@pytest.fixture
def opened(store: Store, tmp_path: Path) -> Open:
    """As after a start of the service; all share one folder."""
    return lambda: LiveIndexes(store.chunks, Snapshots(store.database, tmp_path / "snapshots"))


def test_every_search_sees_what_was_committed_before_it(store: Store, opened: Open) -> None:
    indexes = opened()
    assert found(store, indexes, "bird") == []
    document = store.add("a bird\na stone", source="page")
    assert found(store, indexes, "bird")[0] == "a bird"
    store.add("a fish", source="page")
    assert found(store, indexes, "bird") == ["a fish"]
    store.delete(document)
    assert found(store, indexes, "bird") == []


def test_a_snapshot_is_loaded_and_what_is_newer_replayed(
    store: Store, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = store.add("old and deleted later")
    store.add("old", source="page")
    indexes = opened()
    found(store, indexes, "old")
    indexes.save(at_least=1)
    store.add("new", source="page")
    store.add("newest")
    store.delete(gone)
    monkeypatch.setattr(live, "build_hybrid", None)  # no rebuilding
    again = opened()
    assert sorted(found(store, again, "new")) == ["new", "newest"]
    assert again.describe(store.collection)["vectors"] == 2


def test_damaged_snapshots_are_rebuilt_from_the_database(store: Store, opened: Open, tmp_path: Path) -> None:
    store.add("one\ntwo")
    first = opened()
    found(store, first, "one")
    first.save(at_least=1)
    [snapshot] = (tmp_path / "snapshots").rglob("*.safetensors")
    snapshot.write_bytes(snapshot.read_bytes()[:-7])
    assert sorted(found(store, opened(), "one")) == ["one", "two"]


def test_few_changes_are_not_worth_a_snapshot(store: Store, opened: Open, tmp_path: Path) -> None:
    indexes = opened()
    store.add("one")
    found(store, indexes, "one")
    indexes.save()
    assert not list((tmp_path / "snapshots").rglob("*.safetensors"))


def test_searches_and_commits_at_once(store: Store, opened: Open) -> None:
    indexes = opened()
    store.add("kept bird")
    stop = threading.Event()

    def search() -> int:
        count = 0
        while not stop.is_set():
            assert "kept bird" in found(store, indexes, "kept bird", k=3)
            count += 1
        return count

    with ThreadPoolExecutor(3) as pool:
        searches = [pool.submit(search) for _ in range(2)]
        for number in range(15):
            store.add(f"stone {number}\nriver {number}", source=f"page {number % 3}")
        stop.set()
        assert all(one.result(20) > 0 for one in searches)
    assert len(found(store, indexes, "stone", k=50)) == 7


def test_an_outgrown_index_is_rebuilt_beside_the_old(
    store: Store, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexes = opened()
    store.add("first")
    found(store, indexes, "first")
    monkeypatch.setattr(faiss_index, "FLAT_LIMIT", 400)
    store.add("\n".join(f"line {number}" for number in range(700)))
    assert "line 5" in found(store, indexes, "line 5", k=700)
    until(lambda: indexes.describe(store.collection)["kind"] == "ivf")
    store.add("last words")
    assert "last words" in found(store, indexes, "last words", k=701)
    assert indexes.describe(store.collection)["recall"] is not None


def test_an_index_that_is_not_ready_says_so(
    store: Store, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add("one")
    indexes, slow = opened(), threading.Event()
    build = faiss_index.build
    monkeypatch.setattr(live, "OPEN_PATIENCE", 0.05)
    monkeypatch.setattr(hybrid, "build", lambda *args: slow.wait(10) and build(*args))
    with pytest.raises(IndexUnavailable, match="rebuilding"):
        found(store, indexes, "one")
    slow.set()
    monkeypatch.setattr(live, "OPEN_PATIENCE", 10)
    assert found(store, indexes, "one") == ["one"]


@pytest.mark.parametrize("error", [IndexUnavailable("the database is away"), RuntimeError("out of memory")])
def test_an_opening_that_failed_is_tried_again(
    store: Store, opened: Open, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    store.add("one")
    indexes = opened()

    def fail(*_args: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(live, "build_hybrid", fail)
        with pytest.raises(IndexUnavailable, match=str(error)):
            found(store, indexes, "one")
    assert found(store, indexes, "one") == ["one"]


def test_a_collection_deleted_and_made_anew(store: Store, opened: Open, tmp_path: Path) -> None:
    indexes = opened()
    store.add("a secret")
    assert found(store, indexes, "secret") == ["a secret"]
    indexes.save(at_least=1)
    old = store.collection
    store.collections.delete(old)
    with pytest.raises(CollectionNotFound):
        indexes.search(
            old, Query(vector=store.embedder.embed_queries(["a"]), script="latin", home=None, terms=["a"]), 3
        )
    assert not (tmp_path / "snapshots" / old.id).exists()
    store.collection = store.collections.get(TENANT, "default")
    assert found(store, indexes, "secret") == []
    store.add("public")
    assert found(store, indexes, "secret") == ["public"]


def test_saving_goes_on_past_a_deleted_collection(store: Store, opened: Open) -> None:
    indexes = opened()
    store.add("a secret")
    found(store, indexes, "secret")
    store.collections.delete(store.collection)
    indexes.save(at_least=1)
    assert indexes.describe(store.collection)["vectors"] == 0
