"""A second model, and the re-embedding to it in the test's own process."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import Engine

from indexes.chunks import Chunks
from indexes.collections import Collections
from indexes.embedder import Embedder, FakeEmbedder
from indexes.embedders import Embedders, Offer
from indexes.fusion import load_fusion
from indexes.live import LiveIndexes
from indexes.neighbours import Neighbours
from indexes.new_vectors import NewVectors
from indexes.records import EmbedderIdentity, Hit, Vectors
from indexes.reembeddings import ReEmbeddings
from indexes.retrieval import Retrieval
from indexes.snapshots import Snapshots
from ingest.reembed import ReEmbedder
from tests.support.store import ANALYZER, TENANT


class OtherEmbedder(FakeEmbedder):
    """Hashes words into more dimensions; something may happen while it embeds."""

    identity = EmbedderIdentity(id="fake-hash-96", dim=96, query_prompt="", passage_prompt="")

    def __init__(self) -> None:
        self.meanwhile: Callable[[], object] = lambda: None
        self.embedded: list[str] = []

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return super().embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.meanwhile()
        self.embedded += texts
        return super().embed_passages(texts)


def known(*embedders: Embedder) -> Embedders:
    """The first is the own one; the others are named by their ids."""
    own, *others = embedders

    def offer(one: Embedder) -> Offer:
        return Offer(id=one.identity.id, load=lambda: one)

    return Embedders(own, {one.identity.id: offer(one) for one in others})


def re_embedder(
    database: Engine,
    folder: Path,
    embedders: Embedders,
    *,
    wait: Callable[[float], bool] = lambda _seconds: False,
) -> ReEmbedder:
    return ReEmbedder(
        re_embeddings=ReEmbeddings(database),
        vectors=NewVectors(database),
        chunks=Chunks(database, ANALYZER),
        snapshots=Snapshots(database, folder / "snapshots"),
        embedders=embedders,
        wait=wait,
    )


class Searcher:
    """A process that serves: indexes and models of its own, over a database and a folder."""

    def __init__(self, database: Engine, folder: Path, *embedders: Embedder) -> None:
        self._models = {one.identity.id: one for one in embedders}
        chunks = Chunks(database, ANALYZER)
        self.live = LiveIndexes(chunks, Snapshots(database, folder / "snapshots"))
        self._re_embeddings = ReEmbeddings(database)
        self._collections = Collections(database, embedders[0].identity, knows=known(*embedders).knows)
        self._retrieval = Retrieval(
            embedders=known(*embedders),
            live=self.live,
            chunks=chunks,
            analyzer=ANALYZER,
            fusion=load_fusion(),
            neighbours=Neighbours(database),
        )

    def prepare(self) -> None:
        """What a service does every two seconds."""
        self.live.prepare(self._re_embeddings.coming())

    def search(self, question: str, k: int = 5) -> Sequence[Hit]:
        """Every cosine is checked to be by the model that the hit names."""
        collection = self._collections.usable(TENANT, "default")
        hits = self._retrieval.search(collection, question, top_k=k, filters={})
        assert len({hit.embedder for hit in hits}) <= 1
        for hit in hits:
            model = self._models[hit.embedder]
            quiet = model.embed_queries if isinstance(model, FakeEmbedder) else model.embed_passages
            exact = model.embed_queries([question])[0] @ quiet([hit.text])[0]
            np.testing.assert_allclose(hit.dense, exact, atol=1e-4)
        return hits

    def best(self, question: str) -> tuple[str, str]:
        """The text of the best hit, and the model that found it."""
        best = self.search(question)[0]
        return best.text, best.embedder
