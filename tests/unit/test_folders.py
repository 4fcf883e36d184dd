"""A folder as a source: what changed is read, what is gone goes, nothing outside is reached."""

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from indexes import schema as s
from indexes.database import reading, writing
from indexes.errors import InvalidRequest
from indexes.pulls import item_source
from ingest import folder as folders
from ingest import pull as pull_module
from ingest.folder import Folder
from ingest.sources import Files, Named
from ingest.stores import Entry
from tests.support.handbook import (
    Counted,
    again,
    documents,
    handbook,
    pull,
    root,
    texts,
    the_source,
    versions,
    write,
)
from tests.support.ingestion import Bench
from tests.support.store import TENANT

__all__ = ["handbook", "root"]  # fixtures


def test_files_become_documents(bench: Bench, root: Path, handbook: Counted) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    write(root / "reports" / "b.md", "# Storms\n\nThe harbour closes in a storm.")
    job = pull(bench, tags=("sea",))
    assert (job.status, [one.items for one in job.pulls], job.pulls[0].error) == ("succeeded", [2], None)
    found = documents(bench)
    assert set(found) == {"handbook:a.txt", "handbook:reports/b.md"}
    assert (found["handbook:a.txt"].name, found["handbook:a.txt"].tags) == ("a.txt", ["sea"])
    assert str(root) not in repr(found) + repr(job) + repr(the_source(bench))
    sha256 = found["handbook:a.txt"].sha256
    assert sha256 is not None
    assert bench.blobs.existing(sha256).read_text() == "The ferry leaves at noon."


def test_only_what_changed_is_opened(bench: Bench, root: Path, handbook: Counted) -> None:
    for name in "abc":
        write(root / f"{name}.txt", f"The ferry {name} leaves at noon.")
    pull(bench)
    before, rows = documents(bench), versions(bench)
    handbook.opened.clear()
    bench.embedder.embedded = 0
    assert again(bench).status == "succeeded"
    assert (handbook.opened, versions(bench), bench.embedder.embedded) == ([], rows, 0)
    seen = documents(bench)
    for uri, one in seen.items():
        was = before[uri].seen_at
        assert one.seen_at is not None
        assert was is not None
        assert one.seen_at > was
    write(root / "b.txt", "The ferry b leaves at nine.", age=30)
    (root / "c.txt").unlink()
    again(bench)
    assert handbook.opened == ["b.txt"]
    assert texts(bench) == ["The ferry a leaves at noon.", "The ferry b leaves at nine."]
    assert documents(bench)["handbook:b.txt"].id == before["handbook:b.txt"].id


def test_what_was_only_touched_is_read_once(bench: Bench, root: Path, handbook: Counted) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    pull(bench)
    write(root / "a.txt", "The ferry leaves at noon.", age=30)
    job = again(bench)
    assert [one.status for one in job.documents] == ["unchanged"]
    handbook.opened.clear()
    again(bench)
    assert handbook.opened == []


def test_a_renamed_file_is_the_same_document(bench: Bench, root: Path, handbook: Counted) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    write(root / "b.txt", "The tram leaves at night.")
    pull(bench)
    before = documents(bench)["handbook:a.txt"]
    bench.embedder.embedded, rows = 0, versions(bench)
    (root / "a.txt").rename(root / "reports" / "ferry.txt")
    again(bench)
    after = documents(bench)
    assert set(after) == {"handbook:reports/ferry.txt", "handbook:b.txt"}
    moved = after["handbook:reports/ferry.txt"]
    assert (moved.id, moved.name, moved.title, moved.chunks) == (before.id, "ferry.txt", "ferry.txt", 1)
    assert (bench.embedder.embedded, versions(bench)) == (0, rows)
    handbook.opened.clear()
    again(bench)
    assert handbook.opened == []


def test_one_that_replaces_another_of_its_size_is_not_taken_for_it(
    bench: Bench, root: Path, handbook: Counted
) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    pull(bench)
    (root / "a.txt").unlink()
    write(root / "b.txt", "The ferry leaves at nine.")
    again(bench)
    assert texts(bench) == ["The ferry leaves at nine."]


@pytest.mark.parametrize("how", ["empty", "gone", "file"])
def test_a_folder_that_is_not_mounted_loses_nothing(
    bench: Bench, root: Path, handbook: Counted, how: str
) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    pull(bench, refresh="every 10m")
    shutil.rmtree(root)
    if how == "empty":
        root.mkdir()
    elif how == "file":
        root.write_text("not a folder")
    job = again(bench)
    assert job.status == "failed"
    assert job.pulls[0].error_code == ("empty_source" if how == "empty" else "store_missing")
    error = the_source(bench).error
    assert error is not None
    assert str(root) not in error
    assert texts(bench) == ["The ferry leaves at noon."]
    if how == "file":
        root.unlink()
    write(root / "a.txt", "The ferry leaves at nine.")
    assert again(bench).status == "succeeded"
    assert texts(bench) == ["The ferry leaves at nine."]


def test_links_are_not_followed(bench: Bench, root: Path, handbook: Counted, tmp_path: Path) -> None:
    write(tmp_path / "outside" / "secret.txt", "The vault opens with seven.")
    write(root / "a.txt", "The ferry leaves at noon.")
    (root / "file.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)
    pull(bench)
    assert texts(bench) == ["The ferry leaves at noon."]
    job = pull(bench, path="folder")
    assert job.pulls[0].error_code == "store_missing"


def test_a_file_that_becomes_a_link_before_it_is_read(
    bench: Bench, root: Path, handbook: Counted, tmp_path: Path
) -> None:
    write(tmp_path / "outside" / "secret.txt", "The vault opens with seven.")
    write(root / "a.txt", "The ferry leaves at noon.")
    write(root / "reports" / "secret.txt", "Nothing to be seen here.")
    bench.jobs.submit(bench.store.collection, pulled=[Files(store="handbook")])
    for pull_id in bench.pulls.unfinished(limit=9):
        bench.puller.ingest(pull_id)
    (root / "a.txt").unlink()
    (root / "a.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    shutil.rmtree(root / "reports")
    (root / "reports").symlink_to(tmp_path / "outside")
    bench.work()
    assert texts(bench) == []
    assert {one.error_code for one in documents(bench).values()} == {"gone"}


def test_what_is_no_file_is_not_opened(bench: Bench, root: Path, handbook: Counted) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    os.mkfifo(root / "pipe.txt")
    pull(bench)
    assert set(documents(bench)) == {"handbook:a.txt"}
    (root / "a.txt").unlink()
    os.mkfifo(root / "a.txt")
    bench.store.delete(documents(bench)["handbook:a.txt"].id)
    with pytest.raises(folders.FetchFailed, match="no file"):
        handbook.read("a.txt", lambda stream, _size: stream.read().hex())


def test_what_is_left_aside(bench: Bench, root: Path, handbook: Counted) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    for name in (".env", ".~lock.a.odt#", "~$a.docx", "a.txt~", "b.tmp", "c.PART", ".git/config", "d.tmp/e"):
        write(root / name, "Nobody's business.")
    pull(bench)
    assert set(documents(bench)) == {"handbook:a.txt"}


def test_what_matches(bench: Bench, root: Path, handbook: Counted) -> None:
    for name in ("a.md", "b.txt", "reports/c.md", "reports/deep/d.TXT", "reports/e.csv"):
        write(root / name, f"{name} says that the ferry leaves at noon.")
    pull(bench, match=["*.md", "reports/**/*.txt"])
    assert set(documents(bench)) == {"handbook:a.md", "handbook:reports/deep/d.TXT"}
    pull(bench, path="reports/", match=["*.md"])
    sources = bench.pulls.page(bench.store.collection)
    assert [one.spec["path"] for one in sources] == ["", "reports"]
    assert set(documents(bench)) == {"handbook:a.md", "handbook:reports/deep/d.TXT", "handbook:reports/c.md"}
    pull(bench, match=["*.md"])  # what matches no more is no more in the source
    assert set(documents(bench)) == {"handbook:a.md", "handbook:reports/c.md"}


def test_deleted_by_hand_it_is_there_again(bench: Bench, root: Path, handbook: Counted) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    pull(bench)
    bench.store.delete(documents(bench)["handbook:a.txt"].id)
    again(bench)
    assert texts(bench) == ["The ferry leaves at noon."]


def test_a_document_is_refreshed_through_its_source(bench: Bench, root: Path, handbook: Counted) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    pull(bench)
    write(root / "a.txt", "The ferry leaves at nine.", age=30)
    job_id = bench.jobs.refresh(bench.store.collection, documents(bench)["handbook:a.txt"])
    bench.work()
    assert bench.store.queue.job(TENANT, job_id).status == "succeeded"
    assert texts(bench) == ["The ferry leaves at nine."]


def test_a_store_that_is_named_no_more(bench: Bench, root: Path, handbook: Counted) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    pull(bench)
    del bench.stores["handbook"]
    assert again(bench).pulls[0].error_code == "gone"
    assert len(texts(bench)) == 1


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"store": "other"}, "stores.store"),
        ({"path": "../a"}, "stores.path"),
        ({"path": "/etc"}, "stores.path"),
        ({"path": "a//b"}, "stores.path"),
        ({"path": "a/./b"}, "stores.path"),
        ({"path": "a\\b"}, "stores.path"),
        ({"path": "a\0b"}, "stores.path"),
        ({"path": ".git"}, "stores.path"),
        ({"path": "s3://bucket"}, "stores.path"),
        ({"match": ["a**"]}, "stores.match"),
        ({"match": ["/a"]}, "stores.match"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], param: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as raised:
        Files(**{"store": "handbook", **fields}).source(Named(stores={"handbook": Folder(tmp_path)}))
    assert raised.value.param == param


def test_watched_it_is_pulled_once_an_hour_too(bench: Bench, root: Path, handbook: Counted) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    pull(bench, watch=True)
    assert the_source(bench).every == 3600
    pull(bench, watch=True, refresh="every 1d")
    assert the_source(bench).every == 86_400
    pull(bench)
    assert the_source(bench).every is None


def test_more_files_than_may_wait_are_taken_by_and_by(
    bench: Bench, root: Path, handbook: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_module, "ROOM_INTERVAL", 0.01)
    bench.puller._max_queued = 110
    for number in range(130):
        write(root / f"{number}.txt", f"The ferry {number} leaves at noon.")
    bench.jobs.submit(bench.store.collection, pulled=[Files(store="handbook")])
    [pull_id] = bench.pulls.unfinished(limit=9)
    with ThreadPoolExecutor(1) as pool:
        pulling = pool.submit(bench.puller.ingest, pull_id)
        while not pulling.done() or bench.store.queue.unfinished(limit=1):
            waiting = bench.store.queue.unfinished(limit=200)
            assert len(waiting) <= 110
            for version_id in waiting:
                bench.pipeline.ingest(version_id)
        pulling.result()
    assert len(texts(bench)) == 130
    assert bench.pulls.unfinished(limit=9) == []


def test_ten_thousand_files_that_did_not_change(bench: Bench, root: Path, handbook: Counted) -> None:
    """As a worker would have left them; each is seen again, and none is opened."""
    for number in range(10_000):
        folder = root / str(number % 100)
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").touch()
        os.utime(folder / f"{number}.txt", (1e9 + number, 1e9 + number))
    asked = Files(store="handbook")
    job_id, _ = bench.jobs.submit(bench.store.collection, pulled=[asked])
    key = asked.source(Named(stores=bench.stores)).key
    entries = [one for one in handbook.entries("") if isinstance(one, Entry)]
    with writing(bench.store.database) as db:
        common = {"collection_id": bench.store.collection.id, "tags": [], "metadata": {}, "created_at": 1.0}
        db.execute(
            insert(s.documents),
            [
                {"id": f"d{at}", "source": item_source(key, one.path), "name": one.path, **common}
                for at, one in enumerate(entries)
            ],
        )
        done = {"job_id": job_id, "ordinal": 0, "status": "done", "origin": {}, "created_at": 1.0}
        db.execute(
            insert(s.versions),
            [
                {"id": f"v{at}", "document_id": f"d{at}", "validators": dict(one.validators), **done}
                for at, one in enumerate(entries)
            ],
        )
    bench.puller._max_items = 10_000
    [pull_id] = bench.pulls.unfinished(limit=9)
    began = time.process_time()
    bench.puller.ingest(pull_id)
    took = time.process_time() - began
    assert bench.store.queue.job(TENANT, job_id).pulls[0].items == 10_000
    assert (handbook.opened, versions(bench), bench.store.queue.unfinished(limit=9)) == ([], 10_000, [])
    with reading(bench.store.database) as db:
        unseen = db.execute(select(func.count()).where(s.documents.c.seen_at.is_(None))).scalar_one()
    assert unseen == 0
    assert took < 5
