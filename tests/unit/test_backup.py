"""Backups under load, their way back, and what notices damage."""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, delete, select, update

from indexes import schema as s
from indexes.backup import MANIFEST, back_up, restore
from indexes.blobs import Blobs
from indexes.database import open_database, reading, writing
from indexes.dumps import PostgresDump, dump_of
from indexes.errors import Conflict, InvalidRequest, Unavailable
from indexes.verify import verify
from tests.support import postgres
from tests.support.ingestion import Bench
from tests.support.store import Store


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


@pytest.fixture
def filled(bench: Bench) -> Bench:
    for number in range(5):
        bench.ingest(f"The ferry number {number} leaves at noon.", f"{number}.txt")
    return bench


def test_there_and_back(filled: Bench, tmp_path: Path) -> None:
    saved = back_up(url_of(filled.store.database), tmp_path, tmp_path / "saved")
    assert saved.files == 6
    expected = filled.store.live()
    filled.ingest("Written after it.", "after.txt")
    url = f"sqlite:///{tmp_path / 'new' / 'simurgh.db'}"
    assert restore(url, tmp_path / "new", tmp_path / "saved").files == 6
    database = open_database(url)
    restored = Store(database)
    assert restored.live() == expected
    found = verify(database, Blobs(tmp_path / "new" / "files"))
    assert (found.documents, found.chunks, found.problems) == (5, 5, [])
    database.dispose()


def test_under_load_it_is_of_one_moment(bench: Bench, tmp_path: Path) -> None:
    stop = threading.Event()

    def load() -> None:
        number = 0
        while not stop.is_set():
            outcome = bench.ingest(f"The ferry number {number} leaves.", f"{number}.txt")
            if number % 3 == 0:
                bench.store.delete(outcome.document_id)
            number += 1

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for number in range(4):
            back_up(url_of(bench.store.database), tmp_path, tmp_path / f"saved-{number}")
    finally:
        stop.set()
        thread.join()
    for number in range(4):
        folder = tmp_path / f"new-{number}"
        restore(f"sqlite:///{folder / 'simurgh.db'}", folder, tmp_path / f"saved-{number}")
        database = open_database(f"sqlite:///{folder / 'simurgh.db'}")
        found = verify(database, Blobs(folder / "files"))
        assert found.problems == []
        database.dispose()


def test_postgresql(postgres_template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = postgres.binaries()
    assert programs is not None
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    engine = create_engine(postgres_template.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as db:
        for name in ("backup_from", "backup_to"):
            db.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    database = open_database(postgres_template.format("backup_from"))
    store = Store(database)
    store.add("one\ntwo")
    back_up(url_of(database), tmp_path / "data", tmp_path / "saved")
    restore(postgres_template.format("backup_to"), tmp_path / "new", tmp_path / "saved")
    again = open_database(postgres_template.format("backup_to"))
    assert Store(again).live() == store.live()
    Store(again).add("three")  # ids go on where they were
    with pytest.raises(Conflict):
        restore(postgres_template.format("backup_to"), tmp_path / "other", tmp_path / "saved")
    for one in (database, again):
        one.dispose()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unavailable, match="pg_dump is not installed"):
        dump_of(postgres_template.format("backup_from")).write(tmp_path / "x")


def test_a_password_is_not_on_the_command_line() -> None:
    dump = dump_of("postgresql+psycopg://user:hush@db/simurgh?connect_timeout=5")
    assert isinstance(dump, PostgresDump)
    assert dump._address == "postgresql://user@db/simurgh?connect_timeout=5"


@pytest.mark.parametrize("how", ["flip", "cut", "missing", "no manifest", "bad manifest", "format"])
def test_a_damaged_backup_is_refused_before_anything_is_written(
    filled: Bench, tmp_path: Path, how: str
) -> None:
    saved, new = tmp_path / "saved", tmp_path / "new"
    back_up(url_of(filled.store.database), tmp_path, saved)
    database, manifest = saved / "database", saved / MANIFEST
    content = database.read_bytes()
    if how == "flip":
        database.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    elif how == "cut":
        database.write_bytes(content[:-1])
    elif how == "missing":
        shutil.rmtree(saved / "files")
    elif how == "no manifest":
        manifest.unlink()
    elif how == "bad manifest":
        manifest.write_text("{")
    else:
        manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(InvalidRequest):
        restore(f"sqlite:///{new / 'simurgh.db'}", new, saved)
    assert not new.exists()


def test_nothing_is_written_over(filled: Bench, tmp_path: Path) -> None:
    url = url_of(filled.store.database)
    back_up(url, tmp_path, tmp_path / "saved")
    with pytest.raises(Conflict, match="new folder"):
        back_up(url, tmp_path, tmp_path / "saved")
    with pytest.raises(Conflict, match="empty folder"):
        restore(url, tmp_path, tmp_path / "saved")
    with pytest.raises(Conflict, match="database"):
        restore(url, tmp_path / "elsewhere", tmp_path / "saved")


def test_no_database_no_backup(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no database"):
        back_up(f"sqlite:///{tmp_path / 'none.db'}", tmp_path, tmp_path / "saved")


def no_bytes(bench: Bench) -> None:
    shutil.rmtree(bench.blobs.path("x" * 64).parents[1])


def other_bytes(bench: Bench) -> None:
    [first, *_rest] = bench.store.documents.page(bench.store.collection, limit=9, after=None).data
    bench.blobs.path(str(first.sha256)).write_bytes(b"x")


def change(statement: object) -> Callable[[Bench], None]:
    def run(bench: Bench) -> None:
        with writing(bench.store.database) as db:
            db.execute(statement)  # type: ignore[call-overload]

    return run


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (no_bytes, "bytes of document"),
        (other_bytes, "are damaged"),
        (change(update(s.versions).values(text=None)), "has no text"),
        (change(update(s.chunks).values(text="x")), "not what stands in its text"),
        (change(update(s.chunks).values(vector=b"1234")), "another length"),
        (change(update(s.versions).values(sha256=None)), "does not know its bytes"),
        (change(update(s.documents).values(deleted_at=1.0)), "still answers"),
    ],
)
def test_what_is_not_whole_is_told(filled: Bench, damage: Callable[[Bench], None], problem: str) -> None:
    assert verify(filled.store.database, filled.blobs).problems == []
    damage(filled)
    problems = verify(filled.store.database, filled.blobs).problems
    assert any(problem in one for one in problems)


def test_deleted_and_purged_is_whole(filled: Bench) -> None:
    outcome = filled.ingest("Soon gone.", "x.txt")
    filled.store.delete(outcome.document_id)
    assert verify(filled.store.database, filled.blobs).problems == []
    with reading(filled.store.database) as db:
        assert db.execute(select(s.chunks.c.id).where(s.chunks.c.dead_seq.is_not(None))).first()
    with writing(filled.store.database) as db:
        db.execute(update(s.documents).where(s.documents.c.deleted_at.is_not(None)).values(purged_at=1.0))
    [problem] = verify(filled.store.database, filled.blobs).problems
    assert "not purged whole" in problem
    with writing(filled.store.database) as db:
        db.execute(delete(s.chunks).where(s.chunks.c.dead_seq.is_not(None)))
    assert verify(filled.store.database, filled.blobs).problems == []
