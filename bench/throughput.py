"""Passages a second of the whole pipeline (read, cut, embed, commit), over embedding the same ones alone."""

import io
import tempfile
from collections.abc import Sequence
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
from ingest.cage import ExtractionCage
from ingest.jobs import File, Jobs
from ingest.pipeline import EMBED_CHUNKS
from ingest.sources import Named


def measure(settings: Settings, embedder: Embedder, *, paragraphs_a_file: int) -> Figure:
    """Both in this process, by the same embedder, in turns; the parser is the usual child."""
    every = {language: paragraphs(language) for language in LANGUAGES}
    files = mixed(every, paragraphs=paragraphs_a_file)
    cage = build_cage(settings)
    texts: list[str] = []

    def ours() -> None:
        texts[:] = _ingested(settings, embedder, cage, files)

    def alone() -> None:
        for at in range(0, len(texts), EMBED_CHUNKS):
            embedder.embed_passages(texts[at : at + EMBED_CHUNKS])

    try:
        seconds, rival = alternated(ours, alone)
    finally:
        cage.close()
    return Figure(
        name=f"ingesting {len(files)} files, {len(texts)} passages, over embedding these alone",
        ours=len(texts) / seconds,
        rival=len(texts) / rival,
        unit="passages/s",
    )


def _ingested(
    settings: Settings, embedder: Embedder, cage: ExtractionCage, files: Sequence[tuple[str, bytes]]
) -> list[str]:
    """The passages that came of ``files``, in a store of their own."""
    with tempfile.TemporaryDirectory(prefix="simurgh-bench-") as folder:
        settings = settings.model_copy(update={"data_dir": Path(folder)})
        database = open_database(f"sqlite:///{folder}/simurgh.db")
        try:
            queue, blobs = Queue(database), Blobs(Path(folder) / "files")
            jobs = Jobs(
                queue, Pulls(database), blobs, max_bytes=1 << 30, max_queued=len(files), named=Named()
            )
            collection = Collections(database, embedder.identity).get(TENANT, "default")
            job_id, _ = jobs.submit(
                collection,
                files=[File(name=name, media_type=None, stream=io.BytesIO(body)) for name, body in files],
            )
            pipeline = build_pipeline(settings, database, cage, Embedders(embedder))
            for version_id in queue.unfinished(limit=len(files)):
                pipeline.ingest(version_id)
            ended = [one.status for one in queue.job(TENANT, job_id).documents]
            assert ended == ["done"] * len(files), ended
            with reading(database) as db:
                rows = db.execute(select(s.chunks.c.context, s.chunks.c.text).order_by(s.chunks.c.id)).all()
        finally:
            database.dispose()
    return [passage(row.context, row.text) for row in rows]
