"""The real pipeline over a store and the fake embedder, in the test's own process. A pytest plugin."""

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine

from indexes.blobs import Blobs
from indexes.brought import Brought
from indexes.embedder import FakeEmbedder
from indexes.embedders import Embedders
from indexes.known_vectors import KnownVectors
from indexes.pulls import Pulls
from indexes.records import Document, JobDocument, Vectors
from ingest.cage import ExtractionCage
from ingest.chunker import Chunker
from ingest.contents import contents
from ingest.extract import Limits
from ingest.fetch import Fetcher
from ingest.jobs import File, Jobs
from ingest.pipeline import Pipeline
from ingest.pull import Puller
from ingest.sources import Named
from ingest.stores import Store as Place
from tests.support.store import ANALYZER, TENANT, Store
from tests.support.words import word_tokenizer

MAX_BYTES = 1 << 20


class Embedder(FakeEmbedder):
    """The fake, with something that happens while it embeds."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], None] = lambda: None
        self.largest = 0  # texts at once
        self.embedded = 0  # texts in all

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.meanwhile()
        self.largest = max(self.largest, len(texts))
        self.embedded += len(texts)
        return super().embed_passages(texts)


class Bench:
    """A store, a way to hand in, and a pipeline that works it off."""

    def __init__(self, database: Engine, folder: Path, cage: ExtractionCage, chunker: Chunker) -> None:
        self.store = Store(database)
        self.connections: dict[str, str] = {}
        self.stores: dict[str, Place] = {}
        self.stop = threading.Event()
        self.blobs = Blobs(folder / "files")
        self.pulls = Pulls(database)
        self.brought = Brought(database)
        self.jobs = Jobs(
            self.store.queue,
            self.pulls,
            self.blobs,
            max_bytes=MAX_BYTES,
            max_queued=1000,
            named=Named(connections=self.connections, stores=self.stores, max_items=1000),
        )
        self.embedder = Embedder()
        self.fetcher = Fetcher(timeout=5, max_bytes=MAX_BYTES, allow=["127.0.0.0/8"])
        self.pipeline = Pipeline(
            queue=self.store.queue,
            blobs=self.blobs,
            fetcher=self.fetcher,
            stores=self.stores,
            cage=cage,
            chunker=lambda _: chunker,
            embedders=Embedders(self.embedder),
            known=KnownVectors(database),
            analyzer=ANALYZER,
            language=lambda text: "en" if text.isascii() else "fa",
            max_bytes=MAX_BYTES,
        )

        self.puller = Puller(
            pulls=self.pulls,
            brought=self.brought,
            queue=self.store.queue,
            documents=self.store.documents,
            contents=contents(
                self.fetcher,
                self.blobs,
                self.brought,
                self.connections,
                self.stores,
                max_bytes=MAX_BYTES,
                crawl_pause=0,
            ),
            max_items=200,
            max_queued=1000,
            stop=self.stop,
        )

    def submit(self, content: bytes | str, name: str = "a.txt", media_type: str | None = None) -> str:
        """Returns the job."""
        stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
        file = File(name=name, media_type=media_type, stream=stream)
        return self.jobs.submit(self.store.collection, files=[file])[0]

    def work(self) -> None:
        for pull_id in self.pulls.unfinished(limit=100):
            self.puller.ingest(pull_id)
        self.work_documents()

    def work_documents(self) -> None:
        for version_id in self.store.queue.unfinished(limit=100):
            self.pipeline.ingest(version_id)

    def outcome(self, job_id: str) -> JobDocument:
        [document] = self.store.queue.job(TENANT, job_id).documents
        return document

    def ingest(self, content: bytes | str, name: str = "a.txt", media_type: str | None = None) -> JobDocument:
        job_id = self.submit(content, name, media_type)
        self.work()
        return self.outcome(job_id)

    def document(self, outcome: JobDocument) -> Document:
        return self.store.documents.get(TENANT, outcome.document_id)


@pytest.fixture(scope="session")
def cage() -> Iterator[ExtractionCage]:
    made = ExtractionCage(limits=Limits(pages=100, chars=500_000), timeout=20)
    yield made
    made.close()


@pytest.fixture(scope="session")
def chunker(tmp_path_factory: pytest.TempPathFactory) -> Chunker:
    return Chunker(word_tokenizer(tmp_path_factory.mktemp("tokenizer")), tokens=16)


@pytest.fixture
def bench(sqlite: Engine, tmp_path: Path, cage: ExtractionCage, chunker: Chunker) -> Bench:
    return Bench(sqlite, tmp_path, cage, chunker)
