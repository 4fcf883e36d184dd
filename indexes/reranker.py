"""The reranker port: a closer look at the best passages, by a model that reads each with the question."""

from collections.abc import Sequence
from typing import Any, Protocol

from indexes.records import Hit

RERANKED = 30  # passages, best first, that a reranker is shown


class Reranker(Protocol):
    def rerank(self, question: str, hits: Sequence[Hit]) -> list[float]:
        """[n] how well each answers the question, 0..1; any order of ``hits``."""
        ...


class FakeReranker:
    """The share of the passage's words that the question has."""

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[float]:
        asked = set(question.lower().split())
        words = [set(hit.text.lower().split()) for hit in hits]
        return [len(asked & one) / max(len(one), 1) for one in words]


class CrossEncoderReranker:
    """A cross-encoder of sentence-transformers: a folder or a Hugging Face id."""

    def __init__(self, model: str, *, device: str) -> None:
        from sentence_transformers import CrossEncoder

        self._model: Any = CrossEncoder(model, device=device)

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[float]:
        if not hits:
            return []
        from torch.nn import Sigmoid

        pairs = [(question, hit.text) for hit in hits]
        return [float(score) for score in self._model.predict(pairs, activation_fn=Sigmoid())]
