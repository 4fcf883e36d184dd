"""The composition root: the one place that builds everything from the settings."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import Engine

from app import models
from app.adapter_check import BaseModel, base_shapes
from app.adapter_intake import AdapterIntake
from app.adapter_store import AdapterStore
from app.adapters import AdapterRegistry
from app.answer import Answerer
from app.bundles import BUNDLES
from app.compose_worker import build_precedence, build_stores
from app.engine.client import LocalEngine
from app.engine.config import EngineConfig
from app.engine.device import shared_device
from app.engine.process import EngineProcess
from app.engine.remote import RemoteEngines
from app.gate import EvidenceGate, load_calibrations
from app.generator import Generator, ModelCard, Scorer, TokenCounter
from app.grounding import EntailmentJudge, Judge, LexicalJudge
from app.metrics import Metrics
from app.reader.port import Reader
from app.settings import Settings
from app.tokens import LocalTokenCounter
from indexes.adapters import Adapters
from indexes.blobs import Blobs
from indexes.chunks import Chunks
from indexes.collections import Collections
from indexes.database import open_database
from indexes.documents import Documents
from indexes.embedder import Embedder
from indexes.embedders import Embedders
from indexes.failures import Failures
from indexes.feedback import FeedbackStore
from indexes.fusion import load_fusion
from indexes.live import LiveIndexes
from indexes.moving import Moving
from indexes.neighbours import Neighbours
from indexes.precedence import Precedence
from indexes.pulls import Pulls
from indexes.purge import Purge
from indexes.queue import Queue
from indexes.reembeddings import ReEmbeddings
from indexes.retrieval import Retrieval
from indexes.snapshots import Snapshots
from indexes.switches import Switches
from indexes.text import Analyzer
from indexes.training_files import TrainingFiles
from indexes.tunings import Tunings
from ingest.jobs import Jobs
from ingest.sources import Named

TENANT = "default"  # whose everything is while there is one key
SNAPSHOT_INTERVAL = 60.0  # seconds
PURGE_INTERVAL = 600.0  # seconds between two looks for something to purge
LOOK_INTERVAL = 2.0  # seconds between two looks for adapters that wait, and for models about to take over
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class GeneratorParts:
    generator: Generator
    counter: TokenCounter
    card: ModelCard
    process: EngineProcess | None  # None for engines that others run
    remote: RemoteEngines | None
    base: BaseModel
    scorer: Scorer | None = None  # of an engine of our own


@dataclass(kw_only=True)
class Service:
    """What the routes ask for. ``start`` and ``stop`` bracket its life."""

    settings: Settings
    database: Engine
    collections: Collections
    documents: Documents
    training_files: TrainingFiles
    tunings: Tunings
    moving: Moving
    failures: Failures
    feedback: FeedbackStore
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
    readers: Mapping[str, Reader] | None = None,
) -> Service:
    """The API's half. ``parts``, ``embedder`` and ``readers`` stand in for those that the settings name."""
    embedders = await asyncio.to_thread(models.build_embedders, settings, embedder)
    if readers is None:
        readers = await asyncio.to_thread(models.build_readers, settings)
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
    store = AdapterStore(settings.data_dir / "adapters")
    adapters = AdapterRegistry(
        Adapters(database),
        store,
        AdapterIntake(Adapters(database), store, parts.base),
        parts.generator,
        parts.scorer,
    )
    queue = Queue(database)
    pulls = Pulls(database)
    blobs = Blobs(settings.data_dir / "files")
    return Service(
        settings=settings,
        database=database,
        collections=collections,
        documents=Documents(database),
        training_files=TrainingFiles(database),
        tunings=Tunings(database),
        moving=Moving(database),
        failures=Failures(database),
        feedback=FeedbackStore(database),
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
                readers,
                load_calibrations(readers),
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
        EngineConfig.of(settings, source.model),
        start_timeout=settings.engine_start_timeout,
        device=shared_device(settings),
    )
    folder = source.folder
    if folder is None:
        folder = await asyncio.to_thread(_resolve_hub_folder, source.model)
    engine = LocalEngine(process)
    return GeneratorParts(
        generator=engine,
        scorer=engine,
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
