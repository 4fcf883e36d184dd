"""The whole ingest story: from an accepted version to chunks that answer."""

import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import structlog

from indexes.blobs import Blobs
from indexes.embedder import Embedder, passage
from indexes.embedders import Embedders
from indexes.errors import Reembedded, SimurghError, StorageFull, TooLarge, Unavailable, UnreadableDocument
from indexes.known_vectors import KnownVectors
from indexes.queue import Queue
from indexes.records import Chunk, EmbedderIdentity, Vectors, Version
from indexes.text import Analyzer
from ingest.cage import ExtractionCage
from ingest.chunker import Chunker
from ingest.extract import MARKDOWN, MEDIA_TYPES
from ingest.fetch import Fetcher
from ingest.stores import Store, named

MAX_ATTEMPTS = 3  # times a version may take its worker down before it is given up
EMBED_CHUNKS = 64  # between two looks whether to report progress
REPORT = 1.0  # seconds between two reports: each is a commit, and a commit keeps readers of SQLite waiting
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class _Source:
    path: Path
    sha256: str
    content_type: str | None  # as it came: a media type, perhaps with a charset
    url: str | None = None
    validators: Mapping[str, str] = field(default_factory=dict)
    asked_at: float | None = None  # seconds since the epoch, where that was before it was handed in


class _Progress:
    """Of a version just taken up, told at most once in REPORT seconds."""

    def __init__(self, queue: Queue, version: Version) -> None:
        self._queue = queue
        self._version = version
        self._told = time.monotonic()

    def tell(self, stage: str, done: int = 0, total: int = 0) -> bool:
        """False when the version is known to be cancelled."""
        if time.monotonic() < self._told + REPORT:
            return True
        self._told = time.monotonic()
        return self._queue.advance(self._version, stage=stage, done=done, total=total)


class Pipeline:
    def __init__(
        self,
        *,
        queue: Queue,
        blobs: Blobs,
        fetcher: Fetcher,
        stores: Mapping[str, Store],
        cage: ExtractionCage,
        chunker: Callable[[EmbedderIdentity], Chunker],
        embedders: Embedders,
        known: KnownVectors,
        analyzer: Analyzer,
        language: Callable[[str], str],
        max_bytes: int,
        give_way: Callable[[], object] = lambda: None,
    ) -> None:
        self._queue = queue
        self._blobs = blobs
        self._fetcher = fetcher
        self._stores = stores
        self._cage = cage
        self._chunker = chunker
        self._embedders = embedders
        self._known = known
        self._analyzer = analyzer
        self._language = language
        self._max_bytes = max_bytes
        self._give_way = give_way

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
            progress = _Progress(self._queue, version)
            self._give_way()
            now = self._queue.answering(version)
            source = self._bytes_of(version, now.validators)
            if source is None or source.sha256 == now.sha256:
                found = source.validators if source is not None else now.validators
                self._queue.end(version, "unchanged", validators=found)
                return
            progress.tell("extracting")
            extracted = self._cage.extract(
                source.path, name=version.name, hint=source.content_type, url=source.url
            )
            progress.tell("chunking")
            structured = extracted.kind in MARKDOWN
            embedder = self._embedders.own
            if version.embedder is not None:
                embedder = self._embedders.of(version.embedder)
            titled = structured or extracted.kind == "payload"  # other titles are mostly file names
            chunks = list(
                self._chunker(embedder.identity).chunks(
                    extracted.text,
                    markdown=structured,
                    page_starts=extracted.page_starts,
                    title=(version.title or extracted.title) if titled else version.title,
                )
            )
            analysed = [self._analysed(chunk) for chunk in chunks]
            commit = partial(
                self._queue.commit,
                version,
                text=extracted.text,
                title=version.title or extracted.title or version.name,
                media_type=MEDIA_TYPES[extracted.kind],
                sha256=source.sha256,
                page_starts=extracted.page_starts,
                unread_pages=extracted.unread_pages,
                validators=source.validators,
                chunks=analysed,
                seen_at=source.asked_at,
            )
            while (vectors := self._embed(version, chunks, embedder, progress)) is not None:
                progress.tell("committing", len(chunks), len(chunks))
                self._give_way()
                try:
                    committed = commit(vectors=vectors, embedder=embedder.identity)
                    break
                except Reembedded as switched:  # the collection has gone over to another model meanwhile
                    embedder = self._embedders.of(switched.now)
            else:
                return  # cancelled
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
            # What lies in the document itself will be no other while its source gives the same.
            its_own = isinstance(error, UnreadableDocument | TooLarge)
            validators = version.validators if its_own else None
            self._queue.end(version, "failed", code=error.code, error=error.message, validators=validators)

    def give_up(self, version_id: str, error: SimurghError) -> None:
        """End a version that keeps failing through no fault of its own."""
        version = self._queue.take(version_id)
        if version is not None:
            self._queue.end(version, "failed", code=error.code, error=error.message)

    def _bytes_of(self, version: Version, validators: Mapping[str, str]) -> _Source | None:
        """None where the web server says that what it gave before is still so."""
        origin = version.origin
        if origin["kind"] == "url":
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
        if origin["kind"] == "store":
            copied = named(self._stores, origin["store"]).read(origin["path"], self._keep)
            path = self._blobs.path(copied.sha256)
            return _Source(path=path, sha256=copied.sha256, content_type=None, validators=copied.validators)
        sha256 = origin["sha256"]
        return _Source(
            path=self._blobs.existing(sha256),
            sha256=sha256,
            content_type=origin.get("media_type"),
            url=origin.get("url"),
            validators=origin.get("validators", {}),
            asked_at=origin.get("asked_at"),
        )

    def _keep(self, stream: BinaryIO, size: int) -> str:
        return self._blobs.put(stream, max_bytes=self._max_bytes, size=size)

    def _analysed(self, chunk: Chunk) -> Chunk:
        terms = self._analyzer.terms(passage(chunk.context, chunk.text))
        return replace(chunk, language=self._language(chunk.text), terms=" ".join(terms))

    def _embed(
        self, version: Version, chunks: Sequence[Chunk], embedder: Embedder, progress: _Progress
    ) -> Vectors | None:
        """[chunks, dim], a bounded batch at a time; None when the version was cancelled on the way.

        Passages that the collection holds already, as most of a new version's, are not embedded again."""
        vectors = np.empty((len(chunks), embedder.identity.dim), np.float32)
        for at in range(0, len(chunks), EMBED_CHUNKS):
            if not progress.tell("embedding", at, len(chunks)):
                return None
            some = [passage(chunk.context, chunk.text) for chunk in chunks[at : at + EMBED_CHUNKS]]
            found = self._known.find(version.collection_id, embedder.identity, some)
            new = [one for one in dict.fromkeys(some) if one not in found]
            found.update(zip(new, embedder.embed_passages(new) if new else [], strict=True))
            vectors[at : at + len(some)] = [found[one] for one in some]
        return vectors
