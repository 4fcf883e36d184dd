"""A folder that is a source, called `handbook`, and what became of its files."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from sqlalchemy import func, select

from indexes import schema as s
from indexes.database import reading
from indexes.records import Document, Job, Source
from ingest.folder import Folder
from ingest.sources import Files
from ingest.stores import Copied, Keep
from tests.support.ingestion import Bench
from tests.support.store import TENANT


class Counted(Folder):
    """With what was opened, and something that happens while a file is read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def read(self, path: str, keep: Keep) -> Copied:
        self.opened.append(path)

        def keep_slowly(stream: BinaryIO, size: int) -> str:
            sha256 = keep(stream, size)
            self.meanwhile()
            return sha256

        return super().read(path, keep_slowly)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "handbook" / "reports").mkdir(parents=True)
    return tmp_path / "handbook"


@pytest.fixture
def handbook(bench: Bench, root: Path) -> Counted:
    bench.stores["handbook"] = store = Counted(root)
    return store


def write(path: Path, text: str, *, age: float = 60.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - age, time.time() - age))


def pull(bench: Bench, refresh: str | None = None, tags: tuple[str, ...] = (), **more: Any) -> Job:
    job_id, documents = bench.jobs.submit(
        bench.store.collection, pulled=[Files(store="handbook", **more)], refresh=refresh, tags=tags
    )
    assert documents == []
    bench.work()
    return bench.store.queue.job(TENANT, job_id)


def again(bench: Bench) -> Job:
    job_id = bench.pulls.start(the_source(bench), TENANT)
    bench.work()
    return bench.store.queue.job(TENANT, job_id)


def the_source(bench: Bench) -> Source:
    [source] = bench.pulls.page(bench.store.collection)
    return source


def documents(bench: Bench) -> dict[str, Document]:
    found = bench.store.documents.page(bench.store.collection, limit=1000, after=None).data
    return {one.uri: one for one in found}


def texts(bench: Bench) -> list[str]:
    return sorted(bench.store.live().values())


def versions(bench: Bench) -> int:
    with reading(bench.store.database) as db:
        return int(db.execute(select(func.count()).select_from(s.versions)).scalar_one())
