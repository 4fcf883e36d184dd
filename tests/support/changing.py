"""A collection that is brought to another model, while other things happen."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from indexes import new_vectors
from indexes import schema as s
from indexes.blobs import Blobs
from indexes.database import open_database, reading
from indexes.records import Job
from indexes.reembeddings import ReEmbeddings
from indexes.verify import verify
from ingest import reembed
from ingest.reembed import ReEmbedder
from tests.support.reembedding import OtherEmbedder, Searcher, known, re_embedder
from tests.support.store import TENANT, Store

OLD, NEW = "fake-hash-64", "fake-hash-96"
ROOT = Path(__file__).parents[2]


class Change:
    """A store of many texts, and a re-embedding of it that is asked for."""

    def __init__(self, database: Engine, folder: Path) -> None:
        self.store = Store(database)
        self.folder = folder
        self.other = OtherEmbedder()
        self.rows = ReEmbeddings(database)
        self.task = self.worker()

    def worker(self, wait: Callable[[float], bool] = lambda _: False) -> ReEmbedder:
        return re_embedder(
            self.store.database, self.folder, known(self.store.embedder, self.other), wait=wait
        )

    def fill(self, count: int) -> None:
        for page in range(count // 10):
            self.store.add("\n".join(f"word{page}x{line} stands here" for line in range(10)), f"page {page}")

    def start(self) -> tuple[str, str]:
        """The job, and what the worker takes up."""
        job_id = self.rows.start(self.collection(), self.other.identity)
        [work_id] = self.rows.waiting(limit=9)
        return job_id, work_id

    def run(self) -> Job:
        job_id, work_id = self.start()
        self.task.ingest(work_id)
        return self.job(job_id)

    def job(self, job_id: str) -> Job:
        return self.store.queue.job(TENANT, job_id)

    def collection(self):  # type: ignore[no-untyped-def]
        return self.store.collections.get(TENANT, "default")

    def model(self) -> str:
        return str(self.collection().embedder.id)

    def searcher(self, database: Engine | None = None) -> Searcher:
        return Searcher(database or self.store.database, self.folder, self.store.embedder, self.other)

    def apart(self) -> int:
        with reading(self.store.database) as db:
            return int(db.execute(select(func.count()).select_from(s.new_vectors)).scalar_one())

    @staticmethod
    def embedded(log: Path) -> list[str]:
        """By `tests.support.slow_reembedder`."""
        return log.read_text().splitlines() if log.exists() else []

    def check(self) -> None:
        """Every live chunk has the vector of its text by the collection's model."""
        model = {OLD: self.store.embedder, NEW: self.other}[self.model()]
        texts = self.store.live()
        vectors = self.store.chunks.vectors(self.collection(), np.array(sorted(texts)))
        assert set(vectors) == set(texts)
        for one, text in texts.items():
            expected = type(self.store.embedder).embed_passages(model, [text])[0]  # type: ignore[arg-type]
            np.testing.assert_allclose(vectors[one], expected, atol=1e-6)
        found = verify(self.store.database, Blobs(self.folder / "files"))
        assert not [one for one in found.problems if "bytes" not in one]  # the store has no bytes


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_vectors, "BATCH", 8)
    monkeypatch.setattr(reembed, "BATCH", 8)
    monkeypatch.setattr(new_vectors, "MOVED", 16)


@pytest.fixture
def change(database: Engine, tmp_path: Path) -> Change:
    return Change(database, tmp_path)


@pytest.fixture
def other_process(database: Engine) -> Iterator[Engine]:
    engine = open_database(database.url.render_as_string(hide_password=False))
    yield engine
    engine.dispose()
