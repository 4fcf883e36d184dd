"""Snapshots: what does not match its row in every respect is never used."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from indexes import schema as s
from indexes import snapshots as snapshots_module
from indexes.errors import CollectionNotFound, StorageFull
from indexes.faiss_index import FaissIndex
from indexes.hybrid import HybridIndex
from indexes.postings import PostingsIndex
from indexes.records import Collection, IndexChange
from indexes.regions import Regions
from indexes.snapshots import KEEP, Snapshots
from tests.support.store import TENANT, Store, unit

DIM = 64


@pytest.fixture
def store(sqlite: Engine) -> Store:
    store = Store(sqlite)
    for number in range(9):  # so that the collection's seq is 9
        store.add(f"text {number}")
    store.collection = store.collections.get(TENANT, "default")
    return store


@pytest.fixture
def snapshots(store: Store, tmp_path: Path) -> Snapshots:
    return Snapshots(store.database, tmp_path / "snapshots")


def index_of(count: int) -> HybridIndex:
    index = HybridIndex(FaissIndex(DIM), PostingsIndex(), Regions(DIM))
    index.change(
        IndexChange(
            seq=count,
            added=np.arange(count),
            vectors=unit(np.random.default_rng(0).normal(size=(count, DIM))),
            terms=[["text", str(number)] for number in range(count)],
            removed=np.empty(0, np.int64),
        )
    )
    return index


def files(tmp_path: Path, collection: Collection) -> list[Path]:
    return sorted((tmp_path / "snapshots" / collection.id).iterdir())


def seqs(tmp_path: Path, collection: Collection) -> list[int]:
    return [int(file.name.split("-")[1]) for file in files(tmp_path, collection)]


def loaded(snapshots: Snapshots, collection: Collection) -> tuple[int, int] | None:
    """Vectors and seq of what is loaded."""
    found = snapshots.load(collection)
    return None if found is None else (found.index.dense.total, found.seq)


def test_save_and_load(store: Store, snapshots: Snapshots) -> None:
    assert snapshots.load(store.collection) is None
    snapshots.save(store.collection, index_of(5).state(), 7, built_seq=0)
    assert loaded(snapshots, store.collection) == (5, 7)


def test_two_are_kept(store: Store, snapshots: Snapshots, tmp_path: Path) -> None:
    for seq in (3, 3, 5, 5, 8):
        snapshots.save(store.collection, index_of(seq).state(), seq, built_seq=0)
    assert seqs(tmp_path, store.collection) == [5, 8]
    with store.database.connect() as db:
        assert db.execute(select(func.count()).select_from(s.snapshots)).scalar_one() == KEEP


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "remove", "swap"])
def test_a_damaged_one_gives_way_to_the_older(
    store: Store, snapshots: Snapshots, tmp_path: Path, damage: str
) -> None:
    snapshots.save(store.collection, index_of(4).state(), 4, built_seq=0)
    snapshots.save(store.collection, index_of(6).state(), 6, built_seq=0)
    older, newer = files(tmp_path, store.collection)
    _damage(newer, older, damage)
    assert loaded(snapshots, store.collection) == (4, 4)
    _damage(older, newer, "flip")
    assert loaded(snapshots, store.collection) is None


def _damage(file: Path, other: Path, how: str) -> None:
    content = bytearray(file.read_bytes())
    if how == "flip":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif how == "truncate":
        file.write_bytes(content[:-1])
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "remove":
        file.unlink()
    else:
        file.write_bytes(other.read_bytes())


def test_what_a_crash_left_is_neither_used_nor_kept(
    store: Store, snapshots: Snapshots, tmp_path: Path
) -> None:
    folder = tmp_path / "snapshots" / store.collection.id
    folder.mkdir(parents=True)
    (folder / "snap-6.tmp").write_bytes(b"half")
    (folder / "snap-6.safetensors").write_bytes(b"renamed, but its row was not committed")
    assert loaded(snapshots, store.collection) is None
    snapshots.save(store.collection, index_of(4).state(), 4, built_seq=0)
    assert seqs(tmp_path, store.collection) == [4]


def test_who_tidies_up_leaves_the_one_that_is_being_named(
    store: Store, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purge in another process comes between the name and its row, and waits."""
    tidying: list[threading.Thread] = []

    def meanwhile(folder: Path) -> None:
        if tidying:
            return
        other = Snapshots(store.database, folder.parent)
        tidying.append(threading.Thread(target=other.drop_stale, args=(store.collection.id, 0)))
        tidying[0].start()
        tidying[0].join(0.3)
        assert tidying[0].is_alive()

    monkeypatch.setattr(snapshots_module, "sync", meanwhile)
    snapshots.save(store.collection, index_of(6).state(), 6, built_seq=0)
    tidying[0].join(10)
    assert loaded(snapshots, store.collection) == (6, 6)


def test_another_embedders_is_refused(store: Store, snapshots: Snapshots) -> None:
    snapshots.save(store.collection, index_of(4).state(), 4, built_seq=0)
    for change in ({"id": "another"}, {"dim": 32}, {"passage_prompt": "p: "}):
        other = replace(store.collection, embedder=replace(store.collection.embedder, **change))
        assert loaded(snapshots, other) is None


def test_one_newer_than_the_database_is_refused(store: Store, snapshots: Snapshots) -> None:
    """As after the database was restored from a backup."""
    snapshots.save(store.collection, index_of(4).state(), store.collection.seq + 1, built_seq=0)
    assert loaded(snapshots, store.collection) is None


def test_a_full_disk_leaves_the_old_one(
    store: Store, snapshots: Snapshots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots.save(store.collection, index_of(4).state(), 4, built_seq=0)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(StorageFull, match="No space"):
            snapshots.save(store.collection, index_of(6).state(), 6, built_seq=0)
    assert seqs(tmp_path, store.collection) == [4]
    assert loaded(snapshots, store.collection) == (4, 4)


def test_nothing_stays_of_a_deleted_collection(store: Store, snapshots: Snapshots, tmp_path: Path) -> None:
    snapshots.save(store.collection, index_of(4).state(), 4, built_seq=0)
    store.collections.delete(store.collection)
    with pytest.raises(CollectionNotFound):
        snapshots.save(store.collection, index_of(4).state(), 5, built_seq=0)
    assert not (tmp_path / "snapshots" / store.collection.id).exists()
