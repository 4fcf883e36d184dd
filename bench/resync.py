"""Handing in again what has not changed: rows and embeddings that it costs (none), and seconds."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from app.compose import Service
from app.compose_worker import build_cage, build_pipeline
from app.settings import Settings
from bench.texts import small
from evaluation.stage import Remembering, Stage, started
from indexes import schema as s
from indexes.database import reading
from indexes.embedder import Embedder
from indexes.embedders import Embedders
from indexes.records import EmbedderIdentity, Vectors

SHORT = 200  # characters of a document: what is not done for it does not depend on its length
GROWING = (s.documents, s.versions, s.chunks)


@dataclass(frozen=True, kw_only=True)
class Resync:
    documents: int
    times: int
    before: int  # rows of documents, versions and chunks
    after: int
    waiting: int  # versions that the last time left to work on
    embedded: int  # passages in all the times
    first: float  # seconds of the handing in that brought them
    seconds: float  # median of a later one
    slowest: float


class Counting:
    """An embedder that counts its passages."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.passages = 0

    @property
    def identity(self) -> EmbedderIdentity:
        return self._embedder.identity

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embedder.embed_queries(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.passages += len(texts)
        return self._embedder.embed_passages(texts)


def measure(settings: Settings, embedder: Embedder, *, documents: int, times: int) -> Resync:
    """``documents`` (1,000 at most: one request) handed in ``times`` times more."""
    with tempfile.TemporaryDirectory(prefix="simurgh-bench-") as folder:
        settings = settings.model_copy(
            update={
                "data_dir": Path(folder),
                "database_url": None,
                "jobs_database_url": None,
                "api_key": None,
                "reader": "none",
            }
        )
        texts = [text[:SHORT] for text in small(documents)]
        return asyncio.run(_measured(settings, Counting(embedder), texts, times))


async def _measured(settings: Settings, embedder: Counting, texts: Sequence[str], times: int) -> Resync:
    files = [("file", (f"{number}.txt", text.encode())) for number, text in enumerate(texts)]
    async with started(settings, Remembering(embedder)) as stage:
        first = await _submit(stage, files)
        await asyncio.to_thread(_work, settings, stage.service, embedder)
        before, embedder.passages = await asyncio.to_thread(_rows, stage.service), 0
        taken = [await _submit(stage, files) for _ in range(times)]
        waiting = await asyncio.to_thread(_work, settings, stage.service, embedder)
        after = await asyncio.to_thread(_rows, stage.service)
    return Resync(
        documents=len(files),
        times=times,
        before=before,
        after=after,
        waiting=waiting,
        embedded=embedder.passages,
        first=first,
        seconds=statistics.median(taken),
        slowest=max(taken),
    )


async def _submit(stage: Stage, files: Sequence[tuple[str, tuple[str, bytes]]]) -> float:
    begun = time.perf_counter()
    answer = await stage.http.post("/ingest", files=files)
    answer.raise_for_status()
    return time.perf_counter() - begun


def _work(settings: Settings, service: Service, embedder: Embedder) -> int:
    """Work off what waits; returns how much did."""
    waiting = service.queue.unfinished(limit=10_000)
    cage = build_cage(settings)
    try:
        pipeline = build_pipeline(settings, service.database, cage, Embedders(embedder))
        for version_id in waiting:
            pipeline.ingest(version_id)
    finally:
        cage.close()
    return len(waiting)


def _rows(service: Service) -> int:
    with reading(service.database) as db:
        return sum(db.execute(select(func.count()).select_from(table)).scalar_one() for table in GROWING)
