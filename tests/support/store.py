"""Documents put into the store without a pipeline: texts become one chunk a line."""

import hashlib
from collections.abc import Sequence

import numpy as np
from sqlalchemy import Engine

from indexes.chunks import Chunks
from indexes.collections import Collections
from indexes.documents import Documents
from indexes.embedder import FakeEmbedder
from indexes.queue import Queue
from indexes.records import Chunk, Collection, NewDocument, Relevance, Version
from indexes.text import Analyzer

TENANT = "default"
MAX_QUEUED = 1000
ANALYZER = Analyzer()
UNSEARCHED = Relevance(score=0, dense=0, lexical=0, coverage=0)


class Store:
    """Everything over one database, with the fake embedder."""

    def __init__(self, database: Engine) -> None:
        self.database = database
        self.embedder = FakeEmbedder()
        self.collections = Collections(database, self.embedder.identity)
        self.documents = Documents(database)
        self.queue = Queue(database)
        self.chunks = Chunks(database, ANALYZER)
        self.collection: Collection = self.collections.get(TENANT, "default")

    def accept(self, *texts: str, source: str | None = None) -> tuple[str, list[str], list[str]]:
        """The job, the documents' ids with their statuses after a colon, and the versions to work on."""
        new = [new_document(text, source) for text in texts]
        job_id, documents, versions = self.queue.accept(self.collection, new, max_queued=MAX_QUEUED)
        return job_id, [f"{one.document_id}:{one.status}" for one in documents], versions

    def take(self, version_id: str) -> Version:
        version = self.queue.take(version_id)
        assert version is not None
        return version

    def commit(self, version: Version, text: str, *, unread_pages: Sequence[int] = ()) -> bool:
        chunks = lines(text)
        return self.queue.commit(
            version,
            text=text,
            title=version.name,
            media_type="text/plain",
            sha256=sha256(text),
            page_starts=None,
            unread_pages=list(unread_pages),
            chunks=chunks,
            vectors=self.embedder.embed_passages([chunk.text for chunk in chunks]),
            embedder=self.embedder.identity,
        )

    def add(self, text: str, source: str | None = None) -> str:
        """Accepted and committed; returns the document's id."""
        _job, documents, versions = self.accept(text, source=source)
        for version_id in versions:
            assert self.commit(self.take(version_id), text)
        return documents[0].split(":")[0]

    def delete(self, document_id: str) -> None:
        self.documents.delete(self.documents.get(TENANT, document_id))

    def seq(self) -> int:
        moment = self.chunks.moment(self.collection)
        assert moment is not None
        return moment.seq

    def live(self) -> dict[int, str]:
        """Chunk id -> text, of all that may answer."""
        ids = self.chunks.allowed(self.collection, {})
        hits = self.chunks.hits(self.collection, {int(one): UNSEARCHED for one in ids})
        return {hit.chunk_id: hit.text for hit in hits}


def new_document(text: str, source: str | None = None) -> NewDocument:
    name = source or f"{text[:20]}.txt"
    return NewDocument(
        source=f"file:{name}",
        name=name,
        origin={"kind": "file", "sha256": sha256(text), "media_type": "text/plain", "uri": name},
        sha256=sha256(text),
    )


def lines(text: str) -> Sequence[Chunk]:
    chunks, at = [], 0
    for line in text.splitlines(keepends=True):
        text = line.rstrip("\n")
        terms = " ".join(ANALYZER.terms(text))
        chunks.append(Chunk(start=at, end=at + len(text), page=None, text=text, terms=terms))
        at += len(line)
    return chunks


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
