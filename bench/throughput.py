"""Passages a second of the whole pipeline (read, cut, embed, commit), over embedding the same ones alone."""

import io
import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from app.compose import TENANT
from app.compose_worker import build_cage, build_pipeline
from app.settings import Settings
from bench.figures import Figure, alternated
from bench.files import mixed
from bench.texts import paragraphs
from evaluation.datasets import LANGUAGES
from indexes import schema as s
from indexes.blobs import Blobs
from indexes.collections import Collections
from indexes.database import open_database, reading
from indexes.embedder import Embedder, passage
from indexes.embedders import Embedders
from indexes.pulls import Pulls
from indexes.queue import Queue
from ingest.jobs import File, Jobs
from ingest.pipeline import EMBED_CHUNKS
from ingest.sources import Named


def measure(settings: Settings, embedder: Embedder, *, paragraphs_a_file: int) -> Figure:
    """Both in this process, by the same embedder, in turns; the parser is the usual child."""
    every = {language: paragraphs(language) for language in LANGUAGES}
    files = mixed(every, paragraphs=paragraphs_a_file)
    texts: list[str] = []

    with _ingestion(settings, embedder, room=len(files)) as ingested:

        def ours() -> None:
            texts[:] = ingested(files)

        def alone() -> None:
            for at in range(0, len(texts), EMBED_CHUNKS):
                embedder.embed_passages(texts[at : at + EMBED_CHUNKS])

        seconds, rival = alternated(ours, alone)
    return Figure(
        name=f"ingesting {len(files)} files, {len(texts)} passages, over embedding these alone",
        ours=len(texts) / seconds,
        rival=len(texts) / rival,
        unit="passages/s",
    )


@contextmanager
def _ingestion(
    settings: Settings, embedder: Embedder, *, room: int
) -> Iterator[Callable[[Sequence[tuple[str, bytes]]], list[str]]]:
    """What ingests files, each time into a collection of its own where nothing is known yet, and gives the
    passages that came of them."""
    with tempfile.TemporaryDirectory(prefix="simurgh-bench-") as folder:
        settings = settings.model_copy(update={"data_dir": Path(folder)})
        database, cage = open_database(f"sqlite:///{folder}/simurgh.db"), build_cage(settings)
        queue, blobs = Queue(database), Blobs(Path(folder) / "files")
        jobs = Jobs(queue, Pulls(database), blobs, max_bytes=1 << 30, max_queued=room, named=Named())
        pipeline = build_pipeline(settings, database, cage, Embedders(embedder))
        collections = Collections(database, embedder.identity)
        numbers = itertools.count(1)

        def ingested(files: Sequence[tuple[str, bytes]]) -> list[str]:
            collection = collections.create(TENANT, f"round-{next(numbers)}")
            job_id, _ = jobs.submit(
                collection,
                files=[File(name=name, media_type=None, stream=io.BytesIO(body)) for name, body in files],
            )
            with ThreadPoolExecutor(settings.worker_concurrency) as threads:
                list(threads.map(pipeline.ingest, queue.unfinished(limit=len(files))))
            ended = [one.status for one in queue.job(TENANT, job_id).documents]
            assert ended == ["done"] * len(files), ended
            found = select(s.chunks.c.context, s.chunks.c.text).where(
                s.chunks.c.collection_id == collection.id
            )
            with reading(database) as db:
                return [passage(row.context, row.text) for row in db.execute(found.order_by(s.chunks.c.id))]

        try:
            yield ingested
        finally:
            cage.close()
            database.dispose()
