"""The composition root's other half: what the worker runs is built here and nowhere else."""

import functools
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from app import models
from app.settings import Settings
from indexes.blobs import Blobs
from indexes.brought import Brought
from indexes.chunks import Chunks
from indexes.database import open_database
from indexes.documents import Documents
from indexes.embedders import Embedders
from indexes.known_vectors import KnownVectors
from indexes.language import LanguageDetector
from indexes.new_vectors import NewVectors
from indexes.precedence import Precedence
from indexes.pulls import Pulls
from indexes.queue import Queue
from indexes.records import EmbedderIdentity
from indexes.reembeddings import ReEmbeddings
from indexes.snapshots import Snapshots
from indexes.text import Analyzer
from indexes.tunings import Tunings
from indexes.workers import Workers
from ingest.cage import ExtractionCage
from ingest.chunker import Chunker
from ingest.contents import contents
from ingest.extract import Limits
from ingest.fetch import Fetcher
from ingest.pipeline import Pipeline
from ingest.priority import step_back
from ingest.pull import Puller
from ingest.reembed import ReEmbedder
from ingest.slot import slot
from ingest.stores import Store, open_store

PULLS_AT_ONCE = 4  # in one worker: a crawl may take hours


def run_worker(settings: Settings, stop: threading.Event) -> None:
    """The worker's half, until ``stop`` is set."""
    from app.compose_tuner import build_tuner
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

    tunings = Tunings(database)
    trainings = Line(
        name="tune",
        task=build_tuner(settings, database, stop),
        waiting=lambda: tunings.unfinished(limit=BACKLOG),
        ahead=0,  # one takes long: those behind it are for whoever is free
    )

    def start_due() -> None:
        watching.renew()
        pulls.start_due(time.time())

    step_back()  # now that its models are loaded, with all the threads that run them
    try:
        with slot(settings.data_dir) as worker_id:
            run(
                (documents, sources, switches, trainings),
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
