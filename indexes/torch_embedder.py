"""sentence-transformers as it is: on a GPU in fp16; on a CPU the plain reference to measure against."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from indexes.records import EmbedderIdentity, Vectors


class TorchEmbedder:
    def __init__(self, model: str, *, device: str, identity: EmbedderIdentity | None = None) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        dtype = torch.float16 if device.startswith("cuda") else torch.float32
        self._model = SentenceTransformer(model, device=device, model_kwargs={"dtype": dtype})
        self.identity = identity or identity_of(self._model, model)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embed(self.identity.query_prompt, texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._embed(self.identity.passage_prompt, texts)

    def _embed(self, prompt: str, texts: Sequence[str]) -> Vectors:
        vectors = self._model.encode(
            list(texts),
            prompt=prompt or None,
            batch_size=32,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, np.float32).reshape(len(texts), self.identity.dim)


def identity_of(model: Any, name: str) -> EmbedderIdentity:
    """What a SentenceTransformer says of itself. Some call the passages' prompt ``document``."""
    prompts = model.prompts or {}
    return EmbedderIdentity(
        id=name,
        dim=int(model.get_embedding_dimension()),
        query_prompt=prompts.get("query") or "",
        passage_prompt=prompts.get("passage") or prompts.get("document") or "",
    )
