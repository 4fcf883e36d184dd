"""What was deleted is gone: from answers at once, from the disk after a purge."""

import io
import os
import time
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from indexes import live as live_module
from indexes import schema as s
from indexes.blobs import Blobs
from indexes.database import reading
from indexes.live import LiveIndexes
from indexes.purge import Purge, Purged
from indexes.snapshots import Snapshots
from ingest.sources import Api
from tests.support.ingestion import Bench
from tests.support.searching import found
from tests.support.sites import Site, page
from tests.support.store import TENANT, Store

CANARY = "The zephyrine heliotrope number nine hums."
OLD = time.time() - 7200


class Disk:
    """A bench whose indexes are open and saved, as a service's are."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench, self.folder, self.store = bench, folder, bench.store
        self.snapshots = Snapshots(self.store.database, folder / "snapshots")
        self.live = LiveIndexes(self.store.chunks, self.snapshots)
        self.purge = Purge(self.store.database, self.snapshots, bench.blobs)

    def search(self, text: str) -> list[str]:
        return found(self.store, self.live, text)

    def holding(self, needle: bytes) -> list[str]:
        """Files under the data folder in which ``needle`` stands."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return [str(path.relative_to(self.folder)) for path in files if needle in path.read_bytes()]

    def age(self) -> None:
        for path in (self.folder / "files").rglob("*"):
            os.utime(path, (OLD, OLD))

    def settle(self) -> None:
        """Until no index is being built."""
        for _ in range(500):
            if not any(entry.working for entry in self.live._entries.values()):
                return
            time.sleep(0.01)
        raise AssertionError("still building")


@pytest.fixture
def disk(bench: Bench, tmp_path: Path) -> Disk:
    return Disk(bench, tmp_path)


def test_nothing_of_a_deleted_document_is_left_on_the_disk(disk: Disk) -> None:
    disk.bench.ingest("Ferries leave at noon.", "kept.txt")
    gone = disk.bench.ingest(CANARY, "zephyrine.txt")
    vector = disk.store.embedder.embed_passages([CANARY])[0].astype("<f4").tobytes()
    disk.search("heliotrope")
    disk.live.save(at_least=1)
    before = disk.holding(b"zephyrine")
    assert any("simurgh.db" in name for name in before)
    assert any(name.startswith("files/") for name in before)
    assert any(name.startswith("snapshots/") for name in disk.holding(vector))

    disk.store.delete(gone.document_id)
    assert CANARY not in disk.search("heliotrope")
    disk.age()
    assert disk.purge.run() == Purged(documents=1, chunks=1, files=1)
    assert disk.holding(b"zephyrine") == []
    assert disk.holding(vector) == []

    disk.live.renew()
    disk.settle()
    disk.live.save(at_least=1)
    assert disk.holding(vector) == []
    assert disk.search("ferries") == ["Ferries leave at noon."]
    assert disk.purge.run() == Purged()


def test_the_deletion_is_told(disk: Disk) -> None:
    gone = disk.bench.ingest(CANARY, "a.txt")
    disk.store.delete(gone.document_id)
    [told] = disk.store.documents.deletions(disk.store.collection, limit=10, after=None).data
    assert (told.document_id, told.purged_at) == (gone.document_id, None)
    disk.purge.run()
    [told] = disk.store.documents.deletions(disk.store.collection, limit=10, after=None).data
    assert told.purged_at is not None
    assert told.purged_at >= told.deleted_at


def test_one_that_is_deleted_meanwhile_is_left_for_the_next_time(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snapshots may still tell of it: it must not be told as purged."""
    first, second = (disk.bench.ingest(f"{CANARY} {name}", name) for name in ("a.txt", "b.txt"))
    disk.store.delete(first.document_id)
    drop = disk.snapshots.drop_stale

    def meanwhile(collection_id: str, purged_seq: int) -> None:
        disk.store.delete(second.document_id)
        drop(collection_id, purged_seq)

    with monkeypatch.context() as patch:
        patch.setattr(disk.snapshots, "drop_stale", meanwhile)
        assert disk.purge.run().documents == 1
    told = {
        one.document_id: one.purged_at
        for one in disk.store.documents.deletions(disk.store.collection, limit=10, after=None).data
    }
    assert told[first.document_id] is not None
    assert told[second.document_id] is None
    assert disk.purge.run() == Purged(documents=1, chunks=1, files=0)


def test_a_deletion_is_told_as_purged_when_its_passages_are_gone(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The power may fail in between."""
    gone = disk.bench.ingest(CANARY, "a.txt")
    disk.store.delete(gone.document_id)

    def killed(_collection_id: str, _top: int) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(disk.purge, "_remove_chunks", killed)
        with pytest.raises(KeyboardInterrupt):
            disk.purge.run()
    [told] = disk.store.documents.deletions(disk.store.collection, limit=10, after=None).data
    assert told.purged_at is None
    assert disk.purge.run().documents == 1


def test_what_a_new_version_replaced_is_purged_too(disk: Disk) -> None:
    disk.bench.ingest(CANARY, "a.txt")
    disk.bench.ingest("Ferries leave at noon.", "a.txt")
    disk.age()
    assert disk.purge.run() == Purged(documents=0, chunks=1, files=1)
    assert disk.holding(b"zephyrine") == []
    assert disk.search("ferries") == ["Ferries leave at noon."]


def test_bytes_that_are_wanted_stay(disk: Disk) -> None:
    one = disk.bench.ingest("Ferries leave at noon.", "a.txt")
    failed = disk.bench.ingest(b"\x00\xff\xfe binary", "b.bin")
    disk.bench.submit("This one waits.", "c.txt")
    disk.age()
    assert disk.purge.run() == Purged()
    for outcome in (one, failed):
        sha256 = disk.bench.document(outcome).sha256
        assert sha256 is not None
        assert disk.bench.blobs.existing(sha256).exists()
    disk.bench.work()
    assert "This one waits." in disk.store.live().values()


def test_bytes_that_two_documents_share_stay_with_the_other(disk: Disk) -> None:
    one = disk.bench.ingest("Ferries leave at noon.", "a.txt")
    other = disk.store.collections.create(TENANT, "other", description="")
    disk.store.collection = other
    two = disk.bench.ingest("Ferries leave at noon.", "a.txt")
    disk.store.delete(one.document_id)
    disk.age()
    assert disk.purge.run().files == 0
    sha256 = disk.bench.document(two).sha256
    assert sha256 is not None
    assert disk.bench.blobs.existing(sha256).exists()


def test_bytes_that_were_just_stored_stay(disk: Disk) -> None:
    gone = disk.bench.ingest(CANARY, "a.txt")
    disk.store.delete(gone.document_id)
    disk.age()
    disk.bench.submit(CANARY, "a.txt")  # the same bytes again, before the sweep
    assert disk.purge.run().files == 0
    disk.bench.work()
    assert CANARY in disk.store.live().values()


def test_what_a_crash_left_of_an_upload_goes(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "incoming-old").write_bytes(b"x")
    (folder / "incoming-new").write_bytes(b"x")
    long_ago = time.time() - 100_000
    os.utime(folder / "incoming-old", (long_ago, long_ago))
    assert Blobs(folder).sweep(lambda _names: set(), idle=0) == 1
    assert (folder / "incoming-new").exists()


def test_nothing_is_swept_where_nothing_was_stored(tmp_path: Path) -> None:
    assert Blobs(tmp_path / "files").sweep(lambda names: set(names), idle=0) == 0


def test_a_collection_is_not_purged_all_the_time(disk: Disk) -> None:
    for name in ("a.txt", "b.txt"):
        gone = disk.bench.ingest(f"{CANARY} {name}", name)
        disk.store.delete(gone.document_id)
        assert disk.purge.run(every=3600).documents == (1 if name == "a.txt" else 0)
    assert disk.purge.run(every=0).documents == 1


def test_a_snapshot_from_before_the_purge_is_not_written(disk: Disk) -> None:
    gone = disk.bench.ingest(CANARY, "a.txt")
    disk.search("heliotrope")
    disk.store.delete(gone.document_id)
    disk.search("heliotrope")
    disk.purge.run()
    disk.live.save(at_least=0)  # the index in memory is the old one still
    with reading(disk.store.database) as db:
        assert db.execute(select(func.count()).select_from(s.snapshots)).scalar_one() == 0
    assert list((disk.folder / "snapshots").rglob("snap-*")) == []


def test_an_index_that_held_it_is_built_anew_at_the_next_search(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.bench.ingest("Ferries leave at noon.", "kept.txt")
    gone = disk.bench.ingest(CANARY, "a.txt")
    disk.search("heliotrope")
    disk.store.delete(gone.document_id)
    disk.purge.run()
    built = []
    build = live_module.build_hybrid
    monkeypatch.setattr(live_module, "build_hybrid", lambda *args: built.append(1) or build(*args))
    assert disk.search("ferries") == ["Ferries leave at noon."]
    disk.settle()
    disk.search("ferries")
    disk.settle()
    assert built == [1]


def test_on_both_databases(database: Engine, tmp_path: Path) -> None:
    store = Store(database)
    gone = store.add("one\ntwo\nthree")
    store.add("four")
    store.delete(gone)
    purge = Purge(database, Snapshots(database, tmp_path / "snapshots"), Blobs(tmp_path / "files"))
    assert purge.run() == Purged(documents=1, chunks=3, files=0)
    assert list(store.live().values()) == ["four"]
    with reading(database) as db:
        vectors = db.execute(select(s.chunks.c.vector)).scalars().all()
        [row] = db.execute(select(s.documents).where(s.documents.c.id == gone)).all()
    assert len(vectors) == 1
    assert np.frombuffer(vectors[0], "<f4").size == store.embedder.identity.dim
    assert (row.name, row.source, row.tags, row.metadata) == ("", "", [], {})


def test_looking_again_and_again_does_not_fill_the_database(disk: Disk) -> None:
    """A page that is fetched again is a job and a version each time, even if it says the same."""
    with Site() as site:
        site.pages["/"] = page(b"<html><body><p>The ferry leaves at noon, says the guide.</p></body></html>")
        for _ in range(5):
            disk.bench.jobs.submit(disk.store.collection, urls=[site.url + "/"], refresh="every 1h")
            disk.bench.work()
    [document] = disk.store.documents.page(disk.store.collection, limit=9, after=None).data
    failed = disk.bench.ingest(b"\x00\xff\xfe binary", "b.bin")

    def rows() -> tuple[int, ...]:
        with reading(disk.store.database) as db:
            return tuple(
                db.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (s.jobs, s.versions)
            )

    assert rows() == (6, 6)
    disk.purge.run()
    assert rows() == (6, 6)
    disk.purge.run(keep_history=-1)
    assert rows() == (2, 2)  # that which answers, and that which says why another does not
    again = disk.store.documents.get(TENANT, document.id)
    assert (again.status, again.uri) == ("done", document.uri)
    assert disk.bench.document(failed).error_code is not None


def test_the_history_of_many_pulls(disk: Disk) -> None:
    with Site() as site:
        site.pages["/t"] = page(b'[{"id": 1, "text": "The tram runs all night."}]')
        api = Api(url=site.url + "/t", id="$.id", text=["$.text"])
        for _ in range(4):
            disk.bench.jobs.submit(disk.store.collection, pulled=[api])
            disk.bench.work()
    disk.purge.run(keep_history=-1)
    with reading(disk.store.database) as db:
        assert db.execute(select(func.count()).select_from(s.pulls)).scalar_one() == 1
    assert list(disk.store.live().values()) == ["The tram runs all night."]


def test_bytes_that_are_there_are_not_written_again_unless_they_are_damaged(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "files")
    sha256 = blobs.put(io.BytesIO(b"the birds"), max_bytes=99)
    file = blobs.path(sha256)
    os.utime(file, (OLD, OLD))
    before = file.stat().st_ino
    assert blobs.put(io.BytesIO(b"the birds"), max_bytes=99) == sha256
    assert file.stat().st_ino == before
    assert blobs.sweep(lambda names: set(names), idle=3600) == 0  # they are as good as new
    file.write_bytes(b"the bards")
    blobs.put(io.BytesIO(b"the birds"), max_bytes=99)
    assert file.read_bytes() == b"the birds"
    assert [path.name for path in (tmp_path / "files").iterdir()] == [sha256[:2]]
