"""The composition root: the one place that builds everything from the settings."""

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import Engine

from app import models
from app.adapter_check import BaseModel, base_shapes
from app.adapter_store import AdapterStore
from app.adapters import AdapterRegistry
from app.answer import Answerer
from app.bundles import BUNDLES
from app.engine.client import LocalEngine
from app.engine.config import EngineConfig
from app.engine.process import EngineProcess
from app.engine.remote import RemoteEngines
from app.gate import EvidenceGate, load_calibrations
from app.generator import Generator, ModelCard, TokenCounter
from app.grounding import EntailmentJudge, Judge, LexicalJudge
from app.metrics import Metrics
from app.reader.port import Reader
from app.settings import Settings
from app.tokens import LocalTokenCounter
from indexes.adapters import Adapters
from indexes.blobs import Blobs
from indexes.brought import Brought
from indexes.chunks import Chunks
from indexes.collections import Collections
from indexes.database import open_database
from indexes.documents import Documents
from indexes.embedder import Embedder
from indexes.embedders import Embedders
from indexes.failures import Failures
from indexes.fusion import load_fusion
from indexes.known_vectors import KnownVectors
from indexes.language import LanguageDetector
from indexes.live import LiveIndexes
from indexes.moving import Moving
from indexes.neighbours import Neighbours
from indexes.new_vectors import NewVectors
from indexes.precedence import Precedence
from indexes.pulls import Pulls
from indexes.purge import Purge
from indexes.queue import Queue
from indexes.records import EmbedderIdentity
from indexes.reembeddings import ReEmbeddings
from indexes.retrieval import Retrieval
from indexes.snapshots import Snapshots
from indexes.switches import Switches
from indexes.text import Analyzer
from indexes.workers import Workers
from ingest.cage import ExtractionCage
from ingest.chunker import Chunker
from ingest.contents import contents
from ingest.extract import Limits
from ingest.fetch import Fetcher
from ingest.jobs import Jobs
from ingest.pipeline import Pipeline
from ingest.priority import step_back
from ingest.pull import Puller
from ingest.reembed import ReEmbedder
from ingest.slot import slot
from ingest.sources import Named
from ingest.stores import Store, open_store

TENANT = "default"  # whose everything is while there is one key
SNAPSHOT_INTERVAL = 60.0  # seconds
PURGE_INTERVAL = 600.0  # seconds between two looks for something to purge
LOOK_INTERVAL = 2.0  # seconds between two looks for adapters that wait, and for models about to take over
LOAD_WAITING_INTERVAL = 2.0  # seconds
PULLS_AT_ONCE = 4  # in one worker: a crawl may take hours
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class GeneratorParts:
    generator: Generator
    counter: TokenCounter
    card: ModelCard
    process: EngineProcess | None  # None for engines that others run
    remote: RemoteEngines | None
    base: BaseModel


@dataclass(kw_only=True)
class Service:
    """What the routes ask for. ``start`` and ``stop`` bracket its life."""

    settings: Settings
    database: Engine
    collections: Collections
    documents: Documents
    moving: Moving
    failures: Failures
    pulls: Pulls
    purge: Purge
    re_embeddings: ReEmbeddings
    switches: Switches
    queue: Queue
    jobs: Jobs
    blobs: Blobs
    retrieval: Retrieval
    live: LiveIndexes
    embedders: Embedders
    precedence: Precedence
    adapters: AdapterRegistry
    answerer: Answerer
    parts: GeneratorParts
    metrics: Metrics

    async def start(self) -> None:
        if self.parts.process is not None:
            await self.parts.process.start()
        self._background = [
            asyncio.create_task(_every(LOOK_INTERVAL, self._load_waiting_adapters)),
            asyncio.create_task(_every(LOOK_INTERVAL, self._prepare_switches)),
            asyncio.create_task(_every(SNAPSHOT_INTERVAL, self._save_snapshots)),
            asyncio.create_task(_every(PURGE_INTERVAL, self._purge)),
        ]

    async def stop(self) -> None:
        for task in self._background:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self.parts.process is not None:
            await self.parts.process.stop()
        if self.parts.remote is not None:
            await self.parts.remote.aclose()
        await asyncio.to_thread(self.live.save, at_least=1)
        self.precedence.close()
        self.database.dispose()

    async def _load_waiting_adapters(self) -> None:
        if self.parts.process is None or self.parts.process.state == "ready":
            await self.adapters.load_waiting(TENANT)

    async def _prepare_switches(self) -> None:
        await asyncio.to_thread(self.switches.prepare)

    async def _save_snapshots(self) -> None:
        await asyncio.to_thread(self.switches.tidy)
        await asyncio.to_thread(self.live.save)

    async def _purge(self) -> None:
        await asyncio.to_thread(self.purge.run, every=self.settings.purge_hours * 3600)


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """What fails is tried again the next time: a passing fault must not end the task for good."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception:  # whatever it was, the next round may succeed
            log.exception("background work failed", work=work.__name__)


async def build_service(
    settings: Settings,
    *,
    parts: GeneratorParts | None = None,
    embedder: Embedder | None = None,
    reader: Reader | None = None,
) -> Service:
    """The API's half. ``parts``, ``embedder`` and ``reader`` stand in for those that the settings name."""
    embedders = await asyncio.to_thread(models.build_embedders, settings, embedder)
    if reader is None and settings.reader != "none":
        reader = await asyncio.to_thread(models.build_reader, settings)
    database = await asyncio.to_thread(open_database, settings.database)
    parts = parts or await build_generator(settings)
    analyzer = Analyzer()
    chunks = Chunks(database, analyzer)
    snapshots = Snapshots(database, settings.data_dir / "snapshots")
    live = LiveIndexes(chunks, snapshots)
    precedence = build_precedence(settings)
    retrieval = Retrieval(
        embedders=embedders,
        live=live,
        chunks=chunks,
        analyzer=analyzer,
        fusion=load_fusion(),
        neighbours=Neighbours(database),
        asking=precedence.asking,
        shortest=settings.passage_chars,
        reranker=await asyncio.to_thread(models.build_reranker, settings),
    )
    collections = Collections(database, embedders.own.identity, knows=embedders.knows)
    adapters = AdapterRegistry(
        Adapters(database), AdapterStore(settings.data_dir / "adapters"), parts.generator, parts.base
    )
    queue = Queue(database)
    pulls = Pulls(database)
    blobs = Blobs(settings.data_dir / "files")
    return Service(
        settings=settings,
        database=database,
        collections=collections,
        documents=Documents(database),
        moving=Moving(database),
        failures=Failures(database),
        pulls=pulls,
        purge=Purge(database, snapshots, blobs),
        re_embeddings=ReEmbeddings(database),
        switches=Switches(database, embedders, live),
        queue=queue,
        jobs=Jobs(
            queue,
            pulls,
            blobs,
            max_bytes=settings.max_upload_mib << 20,
            max_queued=settings.max_queued_jobs,
            named=Named(
                connections=settings.connections,
                stores=build_stores(settings),
                max_items=settings.max_pulled_items,
            ),
        ),
        blobs=blobs,
        retrieval=retrieval,
        live=live,
        embedders=embedders,
        precedence=precedence,
        adapters=adapters,
        answerer=Answerer(
            collections=collections,
            retrieval=retrieval,
            embedder=embedders.own,
            gate=EvidenceGate(
                reader,
                load_calibrations(reader=reader is not None),
                asking=precedence.asking,
                min_confidence=settings.min_confidence,
            ),
            judge=build_judge(settings, embedders.own),
            adapters=adapters,
            generator=parts.generator,
            counter=parts.counter,
            card=parts.card,
            quotes=_quotes(settings),
            min_groundedness=settings.min_groundedness,
        ),
        parts=parts,
        metrics=Metrics(),
    )


def build_judge(settings: Settings, embedder: Embedder) -> Judge:
    if settings.entailment_model is None:
        return LexicalJudge(embedder)
    return EntailmentJudge(settings.entailment_model, device="cuda" if models.on_gpu(settings) else "cpu")


def _quotes(settings: Settings) -> bool:
    """Whether answers without an adapter are the sources' own words."""
    if settings.answer_with != "auto":
        return settings.answer_with == "reader"
    return models.bundle(settings) is not None


async def build_generator(settings: Settings) -> GeneratorParts:
    """Remote servers when URLs are given, else vLLM in a process of our own."""
    if settings.generator_urls:
        key = settings.generator_api_key
        remote = RemoteEngines(
            settings.generator_urls,
            api_key=key.get_secret_value() if key else None,
            model=None if settings.generator in BUNDLES else settings.generator,
            languages=tuple(settings.generator_languages or ()),
            max_lora_rank=settings.max_lora_rank,
        )
        card = await remote.card()
        base = BaseModel(id=card.id, max_rank=card.max_lora_rank, shapes=None)
        return GeneratorParts(
            generator=remote, counter=remote, card=card, process=None, remote=remote, base=base
        )
    source = models.generator_source(settings)
    process = EngineProcess(
        EngineConfig.of(settings, source.model), start_timeout=settings.engine_start_timeout
    )
    folder = source.folder
    if folder is None:
        folder = await asyncio.to_thread(_resolve_hub_folder, source.model)
    return GeneratorParts(
        generator=LocalEngine(process),
        counter=LocalTokenCounter(folder),
        card=ModelCard(
            id=source.id,
            window=settings.max_model_len,
            languages=source.languages,
            max_lora_rank=settings.max_lora_rank,
        ),
        process=process,
        remote=None,
        base=BaseModel(id=source.id, max_rank=settings.max_lora_rank, shapes=base_shapes(folder)),
    )


def _resolve_hub_folder(model: str) -> Path:
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(model))


def run_worker(settings: Settings, stop: threading.Event) -> None:
    """The worker's half, until ``stop`` is set."""
    from ingest.watching import Watching
    from ingest.worker import BACKLOG, Line
    from ingest.worker import run_worker as run

    precedence = build_precedence(settings)
    embedders = models.build_embedders(settings, give_way=precedence.give_way)
    database = open_database(settings.database)
    queue, pulls, re_embeddings = Queue(database), Pulls(database), ReEmbeddings(database)
    watching = Watching(pulls, build_stores(settings))
    cage = build_cage(settings)
    documents = Line(
        name="ingest",
        task=build_pipeline(settings, database, cage, embedders, give_way=precedence.give_way),
        waiting=lambda: queue.unfinished(limit=BACKLOG),
        concurrency=settings.worker_concurrency,
    )
    sources = Line(
        name="pull",
        task=build_puller(settings, database, stop),
        waiting=lambda: pulls.unfinished(limit=BACKLOG),
        concurrency=PULLS_AT_ONCE,
    )
    switches = Line(
        name="re-embed",
        task=build_re_embedder(settings, database, embedders, stop),
        waiting=lambda: re_embeddings.waiting(limit=BACKLOG),
    )

    def start_due() -> None:
        watching.renew()
        pulls.start_due(time.time())

    step_back()  # now that its models are loaded, with all the threads that run them
    try:
        with slot(settings.data_dir) as worker_id:
            run(
                (documents, sources, switches),
                worker_id=worker_id,
                workers=Workers(database),
                jobs_database=settings.jobs_database,
                start_due=start_due,
                stop=stop,
                heartbeat=heartbeat_file(settings).touch,
            )
    finally:
        watching.stop()
        cage.close()
        precedence.close()
        heartbeat_file(settings).unlink(missing_ok=True)
        database.dispose()


def build_precedence(settings: Settings) -> Precedence:
    return Precedence(settings.data_dir / "asking.lock")


def build_cage(settings: Settings) -> ExtractionCage:
    return ExtractionCage(
        limits=Limits(pages=settings.max_pages, chars=settings.max_text_chars, ocr=settings.ocr),
        timeout=settings.parse_timeout,
        memory=settings.parse_memory_mib << 20,
    )


def build_pipeline(
    settings: Settings,
    database: Engine,
    cage: ExtractionCage,
    embedders: Embedders,
    *,
    give_way: Callable[[], object] = lambda: None,
) -> Pipeline:
    """What the worker runs for every document; safe to call from several threads. ``give_way`` is called
    between two pieces of work."""

    @functools.cache
    def chunker(identity: EmbedderIdentity) -> Chunker:
        named = models.embedder_settings(settings, identity)
        return Chunker(models.tokenizer_file(named), tokens=settings.chunk_tokens)

    return Pipeline(
        queue=Queue(database),
        blobs=Blobs(settings.data_dir / "files"),
        fetcher=_fetcher(settings),
        stores=build_stores(settings),
        cage=cage,
        chunker=chunker,
        embedders=embedders,
        known=KnownVectors(database),
        analyzer=Analyzer(),
        language=LanguageDetector().detect,
        max_bytes=settings.max_upload_mib << 20,
        give_way=give_way,
    )


def build_re_embedder(
    settings: Settings, database: Engine, embedders: Embedders, stop: threading.Event
) -> ReEmbedder:
    return ReEmbedder(
        re_embeddings=ReEmbeddings(database),
        vectors=NewVectors(database),
        chunks=Chunks(database, Analyzer()),
        snapshots=Snapshots(database, settings.data_dir / "snapshots"),
        embedders=embedders,
        wait=stop.wait,
    )


def build_puller(settings: Settings, database: Engine, stop: threading.Event) -> Puller:
    """What the worker runs for every source; safe to call from several threads."""
    brought = Brought(database)
    return Puller(
        pulls=Pulls(database),
        brought=brought,
        queue=Queue(database),
        documents=Documents(database),
        contents=contents(
            _fetcher(settings),
            Blobs(settings.data_dir / "files"),
            brought,
            {name: url.get_secret_value() for name, url in settings.connections.items()},
            build_stores(settings),
            max_bytes=settings.max_upload_mib << 20,
            crawl_pause=settings.crawl_pause,
        ),
        max_items=settings.max_pulled_items,
        max_queued=settings.max_queued_jobs,
        stop=stop,
    )


def build_stores(settings: Settings) -> dict[str, Store]:
    return {
        name: open_store(name, given.get_secret_value(), timeout=settings.fetch_timeout)
        for name, given in settings.stores.items()
    }


def _fetcher(settings: Settings) -> Fetcher:
    return Fetcher(
        timeout=settings.fetch_timeout, max_bytes=settings.fetch_max_mib << 20, allow=settings.fetch_allow
    )


def heartbeat_file(settings: Settings) -> Path:
    """Touched by a live worker several times a second."""
    return settings.data_dir / "worker.alive"
