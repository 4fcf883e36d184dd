"""Embeddings from any OpenAI-compatible endpoint (`POST <url>/embeddings`)."""

from collections.abc import Sequence

import httpx
import numpy as np

from indexes.errors import Unavailable, UpstreamFailed
from indexes.records import EmbedderIdentity, Vectors

BATCH = 32  # texts a request
TIMEOUT = httpx.Timeout(60, connect=5)  # seconds


class RemoteEmbedder:
    def __init__(
        self,
        url: str,
        *,
        model: str,
        api_key: str | None,
        dim: int | None,
        query_prompt: str,
        passage_prompt: str,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(
            base_url=url.rstrip("/"), headers=headers, timeout=TIMEOUT, trust_env=False
        )
        self._model = model
        self.identity = EmbedderIdentity(
            id=endpoint_id(url, model),
            dim=dim or len(self._request(["dimension"])[0]),
            query_prompt=query_prompt,
            passage_prompt=passage_prompt,
        )

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embed([self.identity.query_prompt + text for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._embed([self.identity.passage_prompt + text for text in texts])

    def _embed(self, texts: list[str]) -> Vectors:
        vectors = np.empty((len(texts), self.identity.dim), np.float32)
        for at in range(0, len(texts), BATCH):
            rows = self._request(texts[at : at + BATCH])
            if any(len(row) != self.identity.dim for row in rows):
                raise UpstreamFailed(
                    f"the embeddings endpoint gave {len(rows[0])} dimensions, not {self.identity.dim}"
                )
            vectors[at : at + len(rows)] = rows
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)

    def _request(self, texts: list[str]) -> list[list[float]]:
        try:
            response = self._client.post("/embeddings", json={"model": self._model, "input": texts})
        except httpx.HTTPError as error:
            raise Unavailable(f"the embeddings endpoint does not answer: {error}") from error
        if response.status_code == 429 or response.status_code >= 500:
            raise Unavailable(f"the embeddings endpoint answered {response.status_code}")
        if response.status_code != 200:
            raise UpstreamFailed(
                f"the embeddings endpoint answered {response.status_code}: {response.text[:200]}"
            )
        try:
            rows = sorted(response.json()["data"], key=lambda item: item["index"])
            embeddings = [list(map(float, row["embedding"])) for row in rows]
        except (ValueError, KeyError, TypeError) as error:
            raise UpstreamFailed("the embeddings endpoint did not answer in OpenAI's form") from error
        if len(embeddings) != len(texts):
            raise UpstreamFailed(
                f"the embeddings endpoint gave {len(embeddings)} embeddings for {len(texts)} texts"
            )
        return embeddings


def endpoint_id(url: str, model: str) -> str:
    """Of the identity of a model at an endpoint."""
    return f"{url.rstrip('/')}#{model}"
