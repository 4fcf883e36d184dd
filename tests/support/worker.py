"""Works off the queue in this process: the real pipeline over the fake embedder."""

import threading
from pathlib import Path

from app.compose import Service
from app.compose_worker import build_puller, build_stores
from indexes.known_vectors import KnownVectors
from ingest.cage import ExtractionCage
from ingest.chunker import Chunker
from ingest.extract import Limits
from ingest.fetch import Fetcher
from ingest.pipeline import Pipeline
from tests.support.reembedding import re_embedder
from tests.support.store import ANALYZER
from tests.support.words import word_tokenizer


class Worker:
    """One for a session: its extracting child is reused."""

    def __init__(self, folder: Path) -> None:
        self._cage = ExtractionCage(limits=Limits(pages=100, chars=1_000_000), timeout=30)
        self._chunker = Chunker(word_tokenizer(folder), tokens=64)

    def work(self, service: Service) -> None:
        """Until nothing waits."""
        pipeline = Pipeline(
            queue=service.queue,
            blobs=service.blobs,
            fetcher=Fetcher(timeout=5, max_bytes=1 << 20, allow=()),
            stores=build_stores(service.settings),
            cage=self._cage,
            chunker=lambda _: self._chunker,
            embedders=service.embedders,
            known=KnownVectors(service.database),
            analyzer=ANALYZER,
            language=lambda _text: "en",
            max_bytes=1 << 20,
        )
        puller = build_puller(service.settings, service.database, threading.Event())
        for pull_id in service.pulls.unfinished(limit=1000):
            puller.ingest(pull_id)
        for version in service.queue.unfinished(limit=1000):
            pipeline.ingest(version)
        again = re_embedder(service.database, service.settings.data_dir, service.embedders)
        for work_id in service.re_embeddings.waiting(limit=1000):
            again.ingest(work_id)

    def close(self) -> None:
        self._cage.close()
