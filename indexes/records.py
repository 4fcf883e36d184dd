"""Frozen records that pass between the layers. Times are seconds since the epoch."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]  # [n, dim], rows of unit length
T = TypeVar("T")
U = TypeVar("U")
Filters = dict[str, list[str]]  # field -> any of these values; fields are joined by AND


@dataclass(frozen=True, kw_only=True)
class EmbedderIdentity:
    """What makes two embeddings comparable; recorded with every collection."""

    id: str
    dim: int
    query_prompt: str
    passage_prompt: str

    @property
    def key(self) -> str:
        """Short, for names of files."""
        facts = json.dumps([self.id, self.dim, self.query_prompt, self.passage_prompt])
        return hashlib.sha256(facts.encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class Collection:
    id: str
    tenant: str
    name: str
    description: str
    default_adapter: str | None
    embedder: EmbedderIdentity
    seq: int
    created_at: float


@dataclass(frozen=True, kw_only=True)
class Document:
    id: str
    collection_id: str
    collection: str
    name: str
    title: str | None
    source: str  # what makes it the same document
    uri: str
    media_type: str | None
    tags: list[str]
    metadata: dict[str, Any]
    status: str  # of its newest version
    error: str | None
    error_code: str | None
    pages: int | None
    unread_pages: tuple[int, ...]  # from 1; such as show something that could not be read
    chunks: int
    sha256: str | None
    created_at: float
    updated_at: float
    seen_at: float | None  # when its source was last found to say what is stored


@dataclass(frozen=True, kw_only=True)
class Deletion:
    document_id: str
    deleted_at: float
    purged_at: float | None  # since when neither text nor vectors nor bytes of it are left


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A document whose last reading failed."""

    document_id: str
    name: str
    job_id: str
    code: str
    reason: str
    failed_at: float
    answers: bool  # whether an earlier version of it does


@dataclass(frozen=True, kw_only=True)
class NewDocument:
    """One source handed in for ingestion. ``origin`` holds ids and addresses, never bytes."""

    source: str
    name: str
    origin: dict[str, Any]
    tags: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    sha256: str | None = None  # null where the bytes are yet to be fetched
    title: str | None = None
    validators: Mapping[str, str] = field(default_factory=dict)  # as its source gives them, before any byte
    own: bool = False  # known by its source alone: others may have its bytes, and people may describe it


@dataclass(frozen=True, kw_only=True)
class StoredPage:
    """What is stored of an address that was read before."""

    sha256: str
    url: str  # it was read from there
    content_type: str | None  # as it came, perhaps with a charset
    validators: Mapping[str, str]
    unreadable: bool  # its bytes were tried, and gave no document
    seen_at: float | None  # when it was last found to be so; null until it answers


@dataclass(frozen=True, kw_only=True)
class NewSource:
    """What documents are pulled from, once or again and again."""

    kind: str  # url, crawl, api, database, store
    key: str  # what makes it the same source
    spec: dict[str, Any]
    tags: list[str] = field(default_factory=list)
    every: float | None = None  # seconds
    at_once: bool = True


@dataclass(frozen=True, kw_only=True)
class Source:
    id: str
    collection: str
    kind: str
    spec: dict[str, Any]
    tags: list[str]
    every: float | None
    next_at: float | None
    seen_at: float | None
    error: str | None
    created_at: float


@dataclass(frozen=True, kw_only=True)
class Pull:
    """A pull in the worker's hands."""

    id: str
    job_id: str
    collection: Collection
    source: Source
    key: str  # of the source
    attempts: int


@dataclass(frozen=True, kw_only=True)
class ReEmbedding:
    """A re-embedding in the worker's hands."""

    id: str
    job_id: str
    collection: Collection
    target: EmbedderIdentity
    status: str
    attempts: int  # that took a worker down since anything was done


@dataclass(frozen=True, kw_only=True)
class Known:
    """A document that a pulled source brought, and what was last made of it."""

    document_id: str
    status: str | None  # of its newest version that brought something or failed: queued, done, failed, ...
    error_code: str | None
    sha256: str | None
    validators: Mapping[str, str]  # of what that version was made of; empty where it is to be tried again


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An item of a pulled source that is there and stays as it is stored."""

    source: str
    seen: bool = True  # it says what is stored; else it could not be looked at


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A document whose bytes are found in another place of its source."""

    document_id: str
    item: NewDocument

    @property
    def source(self) -> str:
        return self.item.source


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Something in a source that cannot be made a document of now."""

    name: str
    reason: str


Item = NewDocument | Kept | Moved | LeftOut  # of what a pulled source holds


@dataclass(frozen=True, kw_only=True)
class Answering:
    """Of the version that answers for a document; nothing where none does."""

    sha256: str | None
    validators: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version in the worker's hands."""

    id: str
    document_id: str
    job_id: str
    collection_id: str
    status: str
    attempts: int
    name: str
    metadata: dict[str, Any]
    origin: dict[str, Any]
    title: str | None
    sha256: str | None
    embedder: EmbedderIdentity | None  # of its collection; None where nothing is embedded yet
    validators: Mapping[str, str]  # as its source gave them before any byte was read


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A span of a text: ``text == document_text[start:end]`` in code points."""

    start: int
    end: int
    page: int | None
    text: str
    context: str = ""  # headings above it: embedded and analysed with the text, never shown as it
    language: str | None = None  # ISO 639-1
    terms: str | None = None  # of context and text as analysed; spaces between


@dataclass(frozen=True, kw_only=True)
class Relevance:
    """What a search says of a chunk; all in 0..1."""

    score: float  # of the fusion: by it results are ordered
    dense: float  # cosine to the question
    lexical: float  # BM25 as a share of the most that the question could score
    coverage: float  # share of the question's terms, weighted by their rarity, that stand in it


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A retrieved chunk, read live from the store. The scores are those of ``Relevance``."""

    chunk_id: int
    document_id: str
    title: str
    uri: str
    page: int | None
    start: int
    end: int
    text: str
    score: float  # fused, 0..1
    dense: float = 0.0  # cosine of question and passage
    lexical: float = 0.0  # BM25 as a share of the most that the question could get, 0..1
    coverage: float = 0.0  # share of the question's idf that stands in the passage, 0..1
    seen_at: float | None = None  # when its source was last found to say what is stored
    embedder: str = ""  # whose cosine ``dense`` is: models have scales of their own
    language: str | None = None  # ISO 639-1; None from before it was recorded


@dataclass(frozen=True, kw_only=True)
class JobDocument:
    document_id: str
    name: str
    status: str
    pages: int | None
    unread_pages: tuple[int, ...]  # from 1; such as show something that could not be read
    chunks: int
    error: str | None
    error_code: str | None


@dataclass(frozen=True, kw_only=True)
class JobPull:
    source_id: str
    status: str
    items: int
    error: str | None
    error_code: str | None


@dataclass(frozen=True, kw_only=True)
class JobReEmbedding:
    embedder: str
    status: str
    error: str | None
    error_code: str | None


@dataclass(frozen=True, kw_only=True)
class Job:
    id: str
    collection: str
    status: str
    priority: str  # one of `indexes.turns.PRIORITIES`
    stage: str
    done: int
    total: int
    chunks_done: int
    chunks_total: int
    created_at: float
    finished_at: float | None
    documents: list[JobDocument]
    pulls: list[JobPull]
    re_embedding: JobReEmbedding | None


@dataclass(frozen=True, kw_only=True)
class Adapter:
    number: int
    name: str
    sha256: str
    base_model: str
    rank: int
    target_modules: list[str]
    status: str
    error: str | None
    source: str
    created_at: float
    proof: Mapping[str, float] | None = None  # see app.canary


@dataclass(frozen=True, kw_only=True)
class NewFeedback:
    """What somebody says of an answer, with the question and the answer as they were."""

    request_id: str
    question: str
    answer: str
    chunk_ids: tuple[int, ...]  # of its sources, in their order
    adapter: str | None  # that answered
    adapter_version: str | None
    rating: str  # up, down
    correction: str | None
    comment: str | None


@dataclass(frozen=True, kw_only=True)
class Feedback(NewFeedback):
    id: str
    created_at: float


@dataclass(frozen=True, kw_only=True)
class IndexChange:
    """What happened to a collection's chunks after some seq, to replay on its index."""

    seq: int
    added: npt.NDArray[np.int64]  # [n] chunk ids, live at ``seq``
    vectors: Vectors  # [n, dim]
    terms: list[list[str]]  # [n] as analysed
    removed: npt.NDArray[np.int64]  # [m] chunk ids


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    file: str
    seq: int
    sha256: str
    ntotal: int
    dim: int
    embedder: str


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list, as the contract gives it."""

    data: list[T]
    has_more: bool

    def of(self, make: Callable[[T], U]) -> "Page[U]":
        """The same page of what is made of each."""
        return Page(data=[make(one) for one in self.data], has_more=self.has_more)
