"""sentence-transformers as it is: on a GPU in fp16; on a CPU the plain reference to measure against."""

from collections.abc import Sequence

import numpy as np

from indexes.records import EmbedderIdentity, Vectors


class TorchEmbedder:
    def __init__(self, model: str, *, device: str, identity: EmbedderIdentity | None = None) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        dtype = torch.float16 if device.startswith("cuda") else torch.float32
        self._model = SentenceTransformer(model, device=device, model_kwargs={"dtype": dtype})
        prompts = self._model.prompts or {}
        self.identity = identity or EmbedderIdentity(
            id=model,
            dim=int(self._model.get_embedding_dimension() or 0),
            query_prompt=prompts.get("query", ""),
            passage_prompt=prompts.get("passage", prompts.get("document", "")),
        )

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
