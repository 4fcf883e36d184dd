"""The tables: the one source of truth, from which every index is derived."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BIG_ID = BigInteger().with_variant(Integer, "sqlite")

collections = Table(
    "collections",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("default_adapter", String(64)),
    Column("embedder", String(255), nullable=False),
    Column("dim", Integer, nullable=False),
    Column("query_prompt", Text, nullable=False),
    Column("passage_prompt", Text, nullable=False),
    Column("seq", BigInteger, nullable=False, default=0),  # of the last change to its chunks
    Column("purged_seq", BigInteger, nullable=False, default=0, server_default="0"),  # see indexes.purge
    Column("purged_at", Float),
    Column("created_at", Float, nullable=False),  # seconds since the epoch, as all times here
    UniqueConstraint("tenant", "name"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False, index=True),
    Column("source", Text, nullable=False),  # what makes it the same document: file name, URL, payload id
    Column("name", Text, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("version_id", String(32)),  # the version that answers; null until one is committed
    Column("created_at", Float, nullable=False),
    Column("deleted_at", Float),
    Column("purged_at", Float),  # since when nothing of it is left but this row
    Column("seen_at", Float),  # when its source was last found to say what is stored
)
Index("ix_documents_source", documents.c.collection_id, documents.c.source)

versions = Table(
    "versions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("document_id", ForeignKey("documents.id"), nullable=False, index=True),
    Column("job_id", ForeignKey("jobs.id"), nullable=False, index=True),
    Column("ordinal", Integer, nullable=False),  # place in its job
    # Of its job, here too so that finding the next one costs the same however many wait.
    Column("tenant", String(64), nullable=False, default="", server_default=""),
    Column("priority", Integer, nullable=False, default=1, server_default="1"),
    Column("status", String(16), nullable=False),  # queued, processing, done, failed, replaced, cancelled
    Column("error_code", String(64)),
    Column("error", Text),
    Column("attempts", Integer, nullable=False, default=0),  # times a worker took it up
    Column("chunks_done", Integer, nullable=False, default=0),
    Column("chunks_total", Integer, nullable=False, default=0),
    Column("origin", JSON, nullable=False),  # {"kind": "file" | "url" | "page" | "payload" | "store", ...}
    Column("sha256", String(64)),  # of the bytes as they came
    Column("media_type", String(128)),
    Column("title", Text),
    Column("text", Text),
    Column("page_starts", JSON),  # code-point offset of each page's start; null where there are none
    Column("validators", JSON),  # {"etag", "last_modified", "size", "mtime_ns", ...} as its source gave them
    Column("unread_pages", JSON),  # numbers from 1 of those that show something that could not be read
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
)

# With its values in the text: a partial index is used only where a query is seen to be about its part.
WAITING = text("status IN ('queued', 'processing')")
Index(
    "ix_versions_waiting",
    versions.c.tenant,
    versions.c.priority,
    versions.c.created_at,
    versions.c.ordinal,
    sqlite_where=WAITING,
    postgresql_where=WAITING,
)
Index("ix_versions_sha256", versions.c.sha256)
Index("ix_versions_status", versions.c.status)

chunks = Table(
    "chunks",
    metadata,
    Column("id", BIG_ID, primary_key=True, autoincrement=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False),
    Column("document_id", ForeignKey("documents.id"), nullable=False, index=True),
    Column("version_id", ForeignKey("versions.id"), nullable=False, index=True),
    Column("start", Integer, nullable=False),  # code points of the version's text, half open
    Column("end", Integer, nullable=False),
    Column("page", Integer),  # of its first character, from 1
    Column("text", Text, nullable=False),
    Column("context", Text, nullable=False, default="", server_default=""),  # headings above it
    Column("language", String(8)),  # ISO 639-1; null from before it was recorded
    Column("terms", Text),  # of context and text as analysed, spaces between; null from before
    Column("digest", String(32)),  # of context and text as embedded; null once retired, and from before
    Column("vector", LargeBinary, nullable=False),  # dim little-endian float32, unit length
    Column("seq", BigInteger, nullable=False),  # of the collection, when it was committed
    Column("dead_seq", BigInteger),  # of the collection, when it was retired
    sqlite_autoincrement=True,  # ids are never reused
)
Index("ix_chunks_collection_seq", chunks.c.collection_id, chunks.c.seq)
Index("ix_chunks_collection_digest", chunks.c.collection_id, chunks.c.digest)
Index("ix_chunks_collection_dead_seq", chunks.c.collection_id, chunks.c.dead_seq)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("collection_id", ForeignKey("collections.id"), nullable=False),
    Column("status", String(16), nullable=False),  # queued, running, succeeded, failed, cancelled
    Column("stage", String(16), nullable=False),
    Column("priority", Integer, nullable=False, default=1, server_default="1"),  # see indexes.turns
    Column("done", Integer, nullable=False),  # documents ended
    Column("total", Integer, nullable=False),  # documents in the job
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
)

sources = Table(
    "sources",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False),
    Column("key", String(64), nullable=False),  # what makes it the same source
    Column("kind", String(16), nullable=False),  # url, crawl, api, database, store
    Column("spec", JSON, nullable=False),  # as it was asked for; headers may hold secrets
    Column("tags", JSON, nullable=False),
    Column("every", Float),  # seconds between two pulls; null for one that is pulled once
    Column("next_at", Float, index=True),
    Column("seen_at", Float),  # when it was last pulled to its end
    Column("error", Text),  # why the last pull failed
    Column("created_at", Float, nullable=False),
    UniqueConstraint("collection_id", "key", name="uq_sources_collection_id"),
)

pulls = Table(
    "pulls",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job_id", ForeignKey("jobs.id"), nullable=False, index=True),
    Column("source_id", ForeignKey("sources.id"), nullable=False, index=True),
    Column("status", String(16), nullable=False),  # queued, processing, done, failed, replaced, cancelled
    Column("attempts", Integer, nullable=False, default=0),
    Column("items", Integer, nullable=False, default=0),
    Column("error_code", String(64)),
    Column("error", Text),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
)

re_embeddings = Table(
    "re_embeddings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job_id", ForeignKey("jobs.id"), nullable=False, index=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False, index=True),
    Column("status", String(16), nullable=False),  # queued, processing, done, failed, cancelled
    Column("attempts", Integer, nullable=False, default=0),  # times a worker took it up in vain
    Column("embedder", String(255), nullable=False),  # that the collection is to have, as there
    Column("dim", Integer, nullable=False),
    Column("query_prompt", Text, nullable=False),
    Column("passage_prompt", Text, nullable=False),
    Column("seq", BigInteger),  # up to which every chunk that lived then has its new vector
    Column("chunks_done", Integer, nullable=False, default=0),
    Column("chunks_total", Integer, nullable=False, default=0),
    Column("error_code", String(64)),
    Column("error", Text),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("cleared_at", Float),  # since when none of its vectors lies apart from its chunk
)

new_vectors = Table(
    "new_vectors",
    metadata,
    Column("chunk_id", ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "re_embedding_id", ForeignKey("re_embeddings.id", ondelete="CASCADE"), primary_key=True, index=True
    ),
    Column("vector", LargeBinary, nullable=False),  # as in chunks, by the model of the re-embedding
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(255), primary_key=True),  # DBOS's executor id
    Column("seen_at", Float, nullable=False),
)

adapters = Table(
    "adapters",
    metadata,
    Column("number", BIG_ID, primary_key=True, autoincrement=True),  # vLLM's lora_int_id
    Column("tenant", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("base_model", Text, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("target_modules", JSON, nullable=False),
    Column("status", String(16), nullable=False),  # loading, ready, failed
    Column("error", Text),
    Column("source", String(128), nullable=False),
    Column("proof", JSON),  # of one that came with a canary: what the engine made of it, see app.canary
    Column("created_at", Float, nullable=False),
    Column("deleted_at", Float),
    sqlite_autoincrement=True,  # ids are never reused
)
Index("ix_adapters_name", adapters.c.tenant, adapters.c.name)

training_files = Table(
    "training_files",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", Float, nullable=False),
)

tunings = Table(
    "tunings",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("adapter", String(64), nullable=False),  # the name that it will have
    Column("base_model", Text, nullable=False),
    # Not foreign keys: a file may be deleted once it is not in use.
    Column("training_file", String(64), nullable=False),
    Column("validation_file", String(64)),
    Column("options", JSON, nullable=False),  # as indexes.tuning_records.TuningOptions
    Column("metadata", JSON, nullable=False),
    Column("status", String(32), nullable=False),  # queued, validating_files, running, succeeded, …
    Column("error_code", String(64)),
    Column("error", Text),
    Column("error_param", String(64)),
    Column("figures", JSON),  # of the training, once it has succeeded
    Column("results", JSON, nullable=False),  # ids of files
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
)

tuning_events = Table(
    "tuning_events",
    metadata,
    Column("number", BIG_ID, primary_key=True, autoincrement=True),
    Column("tuning_id", ForeignKey("tunings.id"), nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("level", String(8), nullable=False),  # info, warn, error
    Column("kind", String(16), nullable=False),  # message, metrics, checkpoint
    Column("message", Text, nullable=False),
    Column("data", JSON, nullable=False),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", BIG_ID, primary_key=True, autoincrement=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False, index=True),
    Column("file", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    # Of the change up to which it was built from live rows alone; what was removed later may still be inside.
    Column("built_seq", BigInteger, nullable=False, default=0, server_default="0"),
    Column("sha256", String(64), nullable=False),
    Column("ntotal", Integer, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("embedder", String(255), nullable=False),
    Column("passage_prompt", Text, nullable=False, default="", server_default=""),
    Column("created_at", Float, nullable=False),
    sqlite_autoincrement=True,  # ids are never reused
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False),
    Column("request_id", String(128), nullable=False),  # of the answer
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("adapter", String(64)),  # that answered, and its version; null for none
    Column("adapter_version", String(80)),
    Column("rating", String(8), nullable=False),  # up, down
    Column("correction", Text),
    Column("comment", Text),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("collection_id", "request_id", name="uq_feedback_collection_id"),
)

feedback_sources = Table(
    "feedback_sources",
    metadata,
    Column("feedback_id", ForeignKey("feedback.id", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True),  # among the answer's sources, from 1
    # Without a cascade: no chunk can be purged while the feedback that may quote it is there.
    Column("chunk_id", ForeignKey("chunks.id"), nullable=False, index=True),
)
