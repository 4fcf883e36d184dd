"""LlamaIndex over the same chunks and vectors, set up as its documentation shows."""

from collections.abc import Callable, Sequence
from typing import Any

from evaluation.stage import Indexed
from indexes.records import Vectors


def retrievers(
    indexed: Indexed, embed: Callable[[Sequence[str]], Vectors], *, depth: int
) -> dict[str, Callable[[str], Sequence[str]]]:
    """Its FAISS store, its BM25 and its fusion of both; each a question -> uris, best first."""
    import faiss
    from llama_index.core import StorageContext, VectorStoreIndex
    from llama_index.core.embeddings import BaseEmbedding
    from llama_index.core.llms import MockLLM
    from llama_index.core.retrievers import QueryFusionRetriever
    from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
    from llama_index.core.schema import BaseNode, TextNode
    from llama_index.retrievers.bm25 import BM25Retriever
    from llama_index.vector_stores.faiss import FaissVectorStore

    class Ours(BaseEmbedding):  # type: ignore[misc, unused-ignore]
        """The service's embedder; only questions are left to embed."""

        def _get_query_embedding(self, query: str) -> list[float]:
            return list(map(float, embed([query])[0]))

        def _get_text_embedding(self, text: str) -> list[float]:
            raise AssertionError("the chunks come with their vectors")

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

    nodes: list[BaseNode] = [
        TextNode(id_=str(at), text=text, embedding=list(map(float, vector)))
        for at, (text, vector) in enumerate(zip(indexed.texts, indexed.vectors, strict=True))
    ]
    store = FaissVectorStore(faiss_index=faiss.IndexFlatIP(indexed.vectors.shape[1]))
    index = VectorStoreIndex(
        nodes,
        storage_context=StorageContext.from_defaults(vector_store=store),
        embed_model=Ours(model_name="ours"),
    )
    top = min(depth, len(nodes))
    dense = index.as_retriever(similarity_top_k=top)
    lexical = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=top)
    fusion = QueryFusionRetriever(
        [dense, lexical],
        llm=MockLLM(),
        mode=FUSION_MODES.RECIPROCAL_RANK,
        similarity_top_k=top,
        num_queries=1,  # asks no model for other wordings
        use_async=False,
    )

    def ranker(retriever: Any) -> Callable[[str], Sequence[str]]:
        return lambda question: [
            indexed.uris[int(found.node.node_id)] for found in retriever.retrieve(question)
        ]

    return {
        "LlamaIndex vectors": ranker(dense),
        "LlamaIndex BM25": ranker(lexical),
        "LlamaIndex fusion": ranker(fusion),
    }
