"""The whole ingest story: from an accepted version to chunks that answer."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import structlog

from indexes.blobs import Blobs
from indexes.embedder import Embedder, passage
from indexes.errors import SimurghError, StorageFull, Unavailable, UnreadableDocument
from indexes.known_vectors import KnownVectors
from indexes.queue import Queue
from indexes.records import Chunk, Vectors, Version
from indexes.text import Analyzer
from ingest.cage import ExtractionCage
from ingest.chunker import Chunker
from ingest.extract import MARKDOWN, MEDIA_TYPES
from ingest.fetch import Fetcher

MAX_ATTEMPTS = 3  # times a version may take its worker down before it is given up
EMBED_CHUNKS = 64  # between two reports of progress
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class _Source:
    path: Path
    sha256: str
    content_type: str | None  # as it came: a media type, perhaps with a charset
    url: str | None = None
    validators: Mapping[str, str] = field(default_factory=dict)
    asked_at: float | None = None  # seconds since the epoch, where that was before it was handed in


class Pipeline:
    def __init__(
        self,
        *,
        queue: Queue,
        blobs: Blobs,
        fetcher: Fetcher,
        cage: ExtractionCage,
        chunker: Chunker,
        embedder: Embedder,
        known: KnownVectors,
        analyzer: Analyzer,
        language: Callable[[str], str],
        max_bytes: int,
    ) -> None:
        self._queue = queue
        self._blobs = blobs
        self._fetcher = fetcher
        self._cage = cage
        self._chunker = chunker
        self._embedder = embedder
        self._known = known
        self._analyzer = analyzer
        self._language = language
        self._max_bytes = max_bytes

    def ingest(self, version_id: str) -> None:
        """Fetch, extract, chunk, embed, commit. Safe to run again at any time: it ends a version once.

        What no retry will mend ends it as ``failed``, with the reason. Raises Unavailable and StorageFull,
        which may pass, for the caller to try again later.
        """
        version = self._queue.take(version_id)
        if version is None:
            return
        try:
            if version.attempts > MAX_ATTEMPTS:
                raise UnreadableDocument("it took the worker down every time it was read", code="poison")
            now = self._queue.answering(version)
            source = self._bytes_of(version, now.validators)
            if source is None or source.sha256 == now.sha256:
                self._queue.end(version, "unchanged")
                return
            self._queue.advance(version, stage="extracting")
            extracted = self._cage.extract(
                source.path, name=version.name, hint=source.content_type, url=source.url
            )
            self._queue.advance(version, stage="chunking")
            structured = extracted.kind in MARKDOWN
            titled = structured or extracted.kind == "payload"  # other titles are mostly file names
            chunks = list(
                self._chunker.chunks(
                    extracted.text,
                    markdown=structured,
                    page_starts=extracted.page_starts,
                    title=(version.title or extracted.title) if titled else version.title,
                )
            )
            vectors = self._embed(version, chunks)
            if vectors is None:
                return  # cancelled
            committed = self._queue.commit(
                version,
                text=extracted.text,
                title=version.title or extracted.title or version.name,
                media_type=MEDIA_TYPES[extracted.kind],
                sha256=source.sha256,
                page_starts=extracted.page_starts,
                unread_pages=extracted.unread_pages,
                validators=source.validators,
                seen_at=source.asked_at,
                chunks=[self._analysed(chunk) for chunk in chunks],
                vectors=vectors,
                embedder=self._embedder.identity,
            )
            log.info(
                "document committed" if committed else "document cancelled",
                document=version.document_id,
                job=version.job_id,
                chunks=len(chunks),
            )
        except (Unavailable, StorageFull):
            self._queue.put_back(version)  # its surroundings failed, not the document
            raise
        except SimurghError as error:
            log.info("document failed", document=version.document_id, job=version.job_id, code=error.code)
            self._queue.end(version, "failed", code=error.code, error=error.message)

    def give_up(self, version_id: str, error: SimurghError) -> None:
        """End a version that keeps failing through no fault of its own."""
        version = self._queue.take(version_id)
        if version is not None:
            self._queue.end(version, "failed", code=error.code, error=error.message)

    def _bytes_of(self, version: Version, validators: Mapping[str, str]) -> _Source | None:
        """None where the web server says that what it gave before is still so."""
        origin = version.origin
        if origin["kind"] == "url":
            self._queue.advance(version, stage="fetching")
            fetched = self._fetcher.fetch(origin["url"], known=validators)
            if fetched.unchanged:
                return None
            sha256 = self._blobs.put(io.BytesIO(fetched.content), max_bytes=self._max_bytes)
            return _Source(
                path=self._blobs.path(sha256),
                sha256=sha256,
                content_type=fetched.content_type,
                url=fetched.url,
                validators=fetched.validators,
            )
        sha256 = origin["sha256"]
        return _Source(
            path=self._blobs.existing(sha256),
            sha256=sha256,
            content_type=origin.get("media_type"),
            url=origin.get("url"),
            validators=origin.get("validators", {}),
            asked_at=origin.get("asked_at"),
        )

    def _analysed(self, chunk: Chunk) -> Chunk:
        terms = self._analyzer.terms(passage(chunk.context, chunk.text))
        return replace(chunk, language=self._language(chunk.text), terms=" ".join(terms))

    def _embed(self, version: Version, chunks: Sequence[Chunk]) -> Vectors | None:
        """[chunks, dim], a bounded batch at a time; None when the version was cancelled on the way.

        Passages that the collection holds already, as most of a new version's, are not embedded again."""
        vectors = np.empty((len(chunks), self._embedder.identity.dim), np.float32)
        for at in range(0, len(chunks), EMBED_CHUNKS):
            if not self._queue.advance(version, stage="embedding", done=at, total=len(chunks)):
                return None
            some = [passage(chunk.context, chunk.text) for chunk in chunks[at : at + EMBED_CHUNKS]]
            found = self._known.find(version.collection_id, self._embedder.identity, some)
            new = [one for one in dict.fromkeys(some) if one not in found]
            found.update(zip(new, self._embedder.embed_passages(new) if new else [], strict=True))
            vectors[at : at + len(some)] = [found[one] for one in some]
        self._queue.advance(version, stage="committing", done=len(chunks), total=len(chunks))
        return vectors
