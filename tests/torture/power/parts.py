"""The parts that are killed: the real store, queue and pipeline over the fake embedder, in a folder."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from indexes.blobs import Blobs
from indexes.collections import Collections
from indexes.database import open_database
from indexes.documents import Documents
from indexes.embedder import FakeEmbedder
from indexes.embedders import Embedders
from indexes.known_vectors import KnownVectors
from indexes.pulls import Pulls
from indexes.queue import Queue
from indexes.records import Collection
from indexes.text import Analyzer
from ingest.cage import ExtractionCage
from ingest.chunker import Chunker
from ingest.extract import Limits
from ingest.fetch import Fetcher
from ingest.jobs import Jobs
from ingest.pipeline import Pipeline
from ingest.sources import Named
from tests.support.words import word_tokenizer

MAX_BYTES = 1 << 20
CHUNK_TOKENS = 16  # so that a text has several chunks


@dataclass(frozen=True, kw_only=True)
class Parts:
    database: Engine
    queue: Queue
    documents: Documents
    blobs: Blobs
    jobs: Jobs
    collection: Collection
    chunker: Chunker
    pipeline: Pipeline
    cage: ExtractionCage


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What takes a while to make and keeps nothing of a store."""

    chunker: Chunker
    cage: ExtractionCage
    analyzer: Analyzer


def build_tools(folder: Path) -> Tools:
    return Tools(
        chunker=Chunker(word_tokenizer(folder), tokens=CHUNK_TOKENS),
        cage=ExtractionCage(limits=Limits(pages=10, chars=100_000), timeout=30),
        analyzer=Analyzer(),
    )


def build(url: str, folder: Path, tools: Tools | None = None) -> Parts:
    """``tools``: some that others use too; else they are made in ``folder``."""
    database = open_database(url)
    queue, blobs, embedder = Queue(database), Blobs(folder / "files"), FakeEmbedder()
    tools = tools or build_tools(folder)
    return Parts(
        database=database,
        queue=queue,
        documents=Documents(database),
        blobs=blobs,
        jobs=Jobs(queue, Pulls(database), blobs, max_bytes=MAX_BYTES, max_queued=100_000, named=Named()),
        collection=Collections(database, embedder.identity).get("default", "default"),
        chunker=tools.chunker,
        cage=tools.cage,
        pipeline=Pipeline(
            queue=queue,
            blobs=blobs,
            fetcher=Fetcher(timeout=5, max_bytes=MAX_BYTES, allow=()),
            stores={},
            cage=tools.cage,
            chunker=lambda _: tools.chunker,
            embedders=Embedders(embedder),
            known=KnownVectors(database),
            analyzer=tools.analyzer,
            language=lambda _text: "en",
            max_bytes=MAX_BYTES,
        ),
    )
