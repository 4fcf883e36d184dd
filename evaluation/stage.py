"""The service in this process, over a data folder of its own, with the data sets in it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from app.api.application import create_application
from app.compose import (
    TENANT,
    GeneratorParts,
    Service,
    build_generator,
    build_service,
)
from app.compose_worker import build_cage, build_pipeline
from app.engine.fake import FakeGenerator
from app.generator import ModelCard
from app.settings import Settings
from evaluation.datasets import Passage
from indexes.chunks import Chunks
from indexes.embedder import Embedder
from indexes.embedders import Embedders
from indexes.errors import CollectionNotFound
from indexes.records import Collection, EmbedderIdentity, Hit, Relevance, Vectors
from indexes.text import Analyzer
from ingest.handed import Payload

WINDOW = 4096
PAYLOADS_A_JOB = 200
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
ADAPTER_PATIENCE = 60.0  # seconds until it must be loaded
AT_ONCE = 3  # documents: one is embedded while others are written
UNSEARCHED = Relevance(score=0.0, dense=0.0, lexical=0.0, coverage=0.0)
Progress = Callable[[str, int, int], None]  # what, done, total


class Remembering:
    """An embedder that embeds many questions at once ahead of time, so that what is timed is the search."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Vectors] = {}

    @property
    def identity(self) -> EmbedderIdentity:
        return self._embedder.identity

    def learn(self, questions: Iterable[str]) -> None:
        new = [text for text in dict.fromkeys(questions) if text not in self._known]
        for at in range(0, len(new), 64):
            some = new[at : at + 64]
            self._known.update(zip(some, self._embedder.embed_queries(some), strict=True))

    def forget(self) -> None:
        self._known.clear()

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        if all(text in self._known for text in texts):
            return np.stack([self._known[text] for text in texts])
        return self._embedder.embed_queries(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._embedder.embed_passages(texts)


@dataclass(frozen=True, kw_only=True)
class Indexed:
    """The chunks of a collection as every arm gets them. ``uris[i]`` names the passage of chunk ``i``."""

    uris: tuple[str, ...]
    texts: tuple[str, ...]
    vectors: Vectors  # [chunks, dim]
    terms: tuple[list[str], ...]  # as our own analysis has them


class Stage:
    """One started service. ``http`` speaks to it as any client does."""

    def __init__(self, settings: Settings, service: Service, embedder: Remembering, http: httpx.AsyncClient):
        self.settings = settings
        self.service = service
        self.embedder = embedder
        self.http = http
        self._chunks = Chunks(service.database, Analyzer())

    def collection(self, name: str) -> Collection:
        try:
            return self.service.collections.get(TENANT, name)
        except CollectionNotFound:
            return self.service.collections.create(TENANT, name)

    def ingest(
        self,
        name: str,
        passages: Sequence[Passage],
        *,
        metadata: Callable[[Passage], dict[str, Any]] = lambda _: {},
        progress: Progress = lambda *_: None,
    ) -> Collection:
        """Through the pipeline that the worker runs, a document a passage; what is there already is no work.

        Raises RuntimeError where a passage could not be ingested.
        """
        collection = self.collection(name)
        payloads = [Payload(id=one.id, text=one.text, metadata=metadata(one)) for one in passages]
        for at in range(0, len(payloads), PAYLOADS_A_JOB):
            self.service.jobs.submit(collection, payloads=payloads[at : at + PAYLOADS_A_JOB])
        cage = build_cage(self.settings)
        pipeline = build_pipeline(self.settings, self.service.database, cage, Embedders(self.embedder))
        try:
            waiting = self.service.queue.unfinished(limit=len(payloads) + 1)
            with ThreadPoolExecutor(AT_ONCE) as threads:
                for done, _ in enumerate(threads.map(pipeline.ingest, waiting), 1):
                    progress(name, done, len(waiting))
        finally:
            cage.close()
        documents, _ = self.service.collections.counts(collection)
        if documents < len(payloads):
            raise RuntimeError(f"{len(payloads) - documents} of {len(payloads)} passages were not ingested")
        return self.service.collections.get(TENANT, name)

    def indexed(self, collection: Collection) -> Indexed:
        """Everything live in the collection, with its stored vectors."""
        vectors: dict[int, Vectors] = {}
        terms: dict[int, list[str]] = {}
        for change in self._chunks.changes(collection, after=-1):
            vectors.update(zip(change.added.tolist(), change.vectors, strict=True))
            terms.update(zip(change.added.tolist(), change.terms, strict=True))
        hits = self._hits(collection, sorted(vectors))
        return Indexed(
            uris=tuple(hit.uri for hit in hits),
            texts=tuple(hit.text for hit in hits),
            vectors=np.stack([vectors[hit.chunk_id] for hit in hits]),
            terms=tuple(terms[hit.chunk_id] for hit in hits),
        )

    def search(self, collection: Collection, question: str, *, top_k: int) -> Sequence[Hit]:
        return self.service.retrieval.search(collection, question, top_k=top_k, filters={})

    async def ask(self, question: str, **more: Any) -> dict[str, Any]:
        """The reply of POST /ask. Raises httpx.HTTPStatusError."""
        answer = await self.http.post("/ask", json={"question": question, **more})
        answer.raise_for_status()
        return dict(answer.json())

    async def add_adapter(self, name: str, folder: Path) -> None:
        """A PEFT LoRA's folder, if it is not there yet. Raises RuntimeError where it is not loaded."""
        if (await self.http.get(f"/adapters/{name}")).status_code == 404:
            files = [("file", (file, (folder / file).read_bytes())) for file in ADAPTER_FILES]
            made = await self.http.post("/adapters", data={"name": name}, files=files)
            made.raise_for_status()
        deadline = time.monotonic() + ADAPTER_PATIENCE
        while (found := (await self.http.get(f"/adapters/{name}")).json())["status"] != "ready":
            if found["status"] == "failed" or time.monotonic() > deadline:
                raise RuntimeError(f"the adapter {name} is {found['status']}: {found['error']}")
            await asyncio.sleep(0.5)

    async def text(self, document_id: str) -> str:
        answer = await self.http.get(f"/documents/{document_id}/text")
        answer.raise_for_status()
        return answer.text

    def _hits(self, collection: Collection, ids: Sequence[int]) -> list[Hit]:
        found: list[Hit] = []
        for at in range(0, len(ids), 500):
            found += self._chunks.hits(collection, dict.fromkeys(ids[at : at + 500], UNSEARCHED))
        return sorted(found, key=lambda hit: hit.chunk_id)


@asynccontextmanager
async def started(
    settings: Settings, embedder: Remembering, parts: GeneratorParts | None = None
) -> AsyncIterator[Stage]:
    """A service over ``settings.data_dir``; without ``parts`` its generator only repeats the first source,
    which is enough where nothing is generated."""
    generator = parts or silent_generator()
    application = create_application(
        settings, lambda: build_service(settings, parts=generator, embedder=embedder)
    )
    transport = httpx.ASGITransport(application)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=transport, base_url="http://evaluation", timeout=600) as http,
    ):
        yield Stage(settings, application.state.service, embedder, http)


def silent_generator() -> GeneratorParts:
    from app.adapter_check import BaseModel

    fake = FakeGenerator(window=WINDOW)
    return GeneratorParts(
        generator=fake,
        counter=fake,
        card=ModelCard(id="none", window=WINDOW, languages=(), max_lora_rank=16),
        process=None,
        remote=None,
        base=BaseModel(id="none", max_rank=16, shapes=None),
    )


@asynccontextmanager
async def engine(settings: Settings) -> AsyncIterator[GeneratorParts]:
    """The real generator, kept running while services around it come and go."""
    parts = await build_generator(settings)
    if parts.process is None:
        try:
            yield parts
        finally:
            if parts.remote is not None:
                await parts.remote.aclose()
        return
    await parts.process.start()
    try:
        await parts.process.wait_ready()
        yield replace(parts, process=None, remote=None)
    finally:
        await parts.process.stop()
