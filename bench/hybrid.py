"""Questions a second of the whole retrieval, embedding apart: both legs, fusion, and texts read from SQLite.

Its rivals are the dense leg alone, and a raw IndexFlatIP, which only gives positions."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np
from sqlalchemy import Engine, insert

from bench.figures import Figure, alternated
from indexes import schema as s
from indexes.changes import next_seq
from indexes.chunks import Chunks
from indexes.collections import Collections
from indexes.database import open_database, writing
from indexes.embedders import Embedders
from indexes.errors import IndexUnavailable
from indexes.faiss_index import build
from indexes.fusion import load_fusion
from indexes.live import LiveIndexes
from indexes.neighbours import Neighbours
from indexes.records import Collection, EmbedderIdentity, Relevance, Vectors
from indexes.retrieval import Retrieval
from indexes.snapshots import Snapshots
from indexes.text import Analyzer

SIZES = (1_000, 100_000)
DIM, QUERIES, K = 384, 50, 5
VOCABULARY, WORDS, ASKED = 200_000, 120, 10  # words drawn by Zipf's law: in all, a passage, a question
INSERT_ROWS = 2_000


class Given:
    """Embeds the n-th question as the n-th vector."""

    def __init__(self, vectors: Vectors) -> None:
        self.identity = EmbedderIdentity(id="given", dim=DIM, query_prompt="", passage_prompt="")
        self._vectors = vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._vectors[int(text.split()[0])] for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self.embed_queries(texts)


def measure() -> list[Figure]:
    return [figure for size in SIZES for figure in _measured(size)]


def _measured(size: int) -> list[Figure]:
    chance = np.random.default_rng(0)
    vectors = _unit(chance.normal(size=(size, DIM)))
    queries = _unit(vectors[:QUERIES] + 0.5 * _unit(chance.normal(size=(QUERIES, DIM))))
    chances = 1 / np.arange(1, VOCABULARY + 1)
    words = chance.choice(VOCABULARY, (size, WORDS), p=chances / chances.sum())
    questions = [
        f"{number} " + " ".join(f"w{word}" for word in chance.choice(words[number], ASKED))
        for number in range(QUERIES)
    ]
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/simurgh.db")
        embedder = Given(queries)
        collections = Collections(database, embedder.identity)
        _fill(database, collections.get("default", "default"), vectors, words)
        collection = collections.get("default", "default")  # with the seq of what was put in
        analyzer = Analyzer()
        chunks = Chunks(database, analyzer)
        live = LiveIndexes(chunks, Snapshots(database, Path(folder) / "snapshots"))
        retrieval = Retrieval(
            embedders=Embedders(embedder),
            live=live,
            chunks=chunks,
            analyzer=analyzer,
            fusion=load_fusion(),
            neighbours=Neighbours(database),
        )
        _wait(retrieval, collection, questions[0])
        figures = _compared(retrieval, chunks, collection, vectors, queries, questions)
        database.dispose()
    return figures


def _compared(
    retrieval: Retrieval,
    chunks: Chunks,
    collection: Collection,
    vectors: Vectors,
    queries: Vectors,
    questions: Sequence[str],
) -> list[Figure]:
    raw = faiss.IndexFlatIP(DIM)
    raw.add(vectors)
    dense, _ = build(DIM, np.arange(1, len(vectors) + 1), vectors)

    def hybrid() -> None:
        for question in questions:
            assert len(retrieval.search(collection, question, top_k=K, filters={})) == K

    def dense_alone() -> None:
        for query in queries:
            ids, scores = dense.search(query[None], K)
            found = zip(ids.tolist(), scores.tolist(), strict=True)
            chunks.hits(
                collection,
                {one: Relevance(score=score, dense=score, lexical=0, coverage=0) for one, score in found},
            )

    def raw_alone() -> None:
        for query in queries:
            raw.search(query[None], K)

    figures = []
    for name, rival in (("the dense leg and its texts", dense_alone), ("a raw IndexFlatIP", raw_alone)):
        seconds, theirs = alternated(hybrid, rival)
        figures.append(
            Figure(
                name=f"hybrid search of {len(vectors):,} passages, over {name}",
                ours=QUERIES / seconds,
                rival=QUERIES / theirs,
                unit="queries/s",
            )
        )
    return figures


def _fill(database: Engine, collection: Collection, vectors: Vectors, words: np.ndarray) -> None:
    """One document with all passages."""
    row = {"collection_id": collection.id, "document_id": "d", "version_id": "v", "seq": 1, "start": 0}
    with writing(database) as db:
        next_seq(db, collection.id)
        db.execute(
            insert(s.jobs).values(
                id="j", tenant=collection.tenant, collection_id=collection.id, status="succeeded",
                stage="succeeded", done=1, total=1, created_at=0,
            )
        )  # fmt: skip
        db.execute(
            insert(s.documents).values(
                id="d", collection_id=collection.id, source="file:a", name="a", tags=[], metadata={},
                version_id="v", created_at=0,
            )
        )  # fmt: skip
        db.execute(
            insert(s.versions).values(
                id="v", document_id="d", job_id="j", ordinal=0, status="done", origin={}, created_at=0
            )
        )
        for at in range(0, len(vectors), INSERT_ROWS):
            texts = [" ".join(f"w{word}" for word in some) for some in words[at : at + INSERT_ROWS].tolist()]
            db.execute(
                insert(s.chunks),
                [
                    {**row, "end": len(text), "text": text, "terms": text, "vector": vector.tobytes()}
                    for text, vector in zip(texts, vectors[at : at + INSERT_ROWS], strict=True)
                ],
            )


def _wait(retrieval: Retrieval, collection: Collection, question: str) -> None:
    while True:
        try:
            retrieval.search(collection, question, top_k=K, filters={})
            return
        except IndexUnavailable:
            time.sleep(1)


def _unit(rows: np.ndarray) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)
