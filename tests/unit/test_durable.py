"""What outlives a power cut is synced; tests/torture/power tries it as a whole."""

import os
from pathlib import Path

import pytest
from sqlalchemy import Engine

from indexes import durable
from indexes.database import reading
from indexes.durable import make_folder, sync_names, sync_tree


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are synced, as they are."""
    paths: list[str] = []
    monkeypatch.setattr(
        durable.os, "fsync", lambda handle: paths.append(os.readlink(f"/proc/self/fd/{handle}"))
    )
    return paths


def test_a_folder_is_synced_where_it_lies(tmp_path: Path, synced: list[str]) -> None:
    make_folder(tmp_path / "a" / "b")
    assert synced == [str(tmp_path), str(tmp_path / "a")]
    make_folder(tmp_path / "a" / "b")
    assert synced[2:] == [str(tmp_path / "a")]


def test_a_folder_above_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(durable, "sync", refuse)
    make_folder(tmp_path / "a")
    assert (tmp_path / "a").is_dir()


def test_a_tree(tmp_path: Path, synced: list[str]) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("x")
    sync_names(tmp_path)
    assert sorted(synced) == [str(tmp_path), str(tmp_path / "a")]
    sync_tree(tmp_path)
    assert str(tmp_path / "a" / "file") in synced


def test_a_commit_is_on_the_disk_when_it_returns(database: Engine) -> None:
    """Of PostgreSQL, that nothing of ours makes it less careful than its server is set."""
    with reading(database) as db:
        if database.dialect.name == "sqlite":
            assert db.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "delete"
            assert db.exec_driver_sql("PRAGMA synchronous").scalar_one() == 3  # EXTRA
            return
        ours = db.exec_driver_sql(
            "SELECT name FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')"
            " AND source IN ('client', 'session', 'user', 'database', 'database user')"
        )
        assert ours.all() == []
