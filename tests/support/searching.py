"""The real retrieval over a store."""

from indexes.embedders import Embedders
from indexes.fusion import load_fusion
from indexes.live import LiveIndexes
from indexes.neighbours import Neighbours
from indexes.retrieval import Retrieval
from tests.support.store import ANALYZER, TENANT, Store


def found(store: Store, indexes: LiveIndexes, text: str, k: int = 10, *, tenant: str = TENANT) -> list[str]:
    """Texts, best first."""
    collection = store.collections.get(tenant, "default")
    retrieval = Retrieval(
        embedders=Embedders(store.embedder),
        live=indexes,
        chunks=store.chunks,
        analyzer=ANALYZER,
        fusion=load_fusion(),
        neighbours=Neighbours(store.database),
    )
    return [hit.text for hit in retrieval.search(collection, text, top_k=k, filters={})]
