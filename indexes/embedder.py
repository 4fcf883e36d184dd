"""The embedder port, and a deterministic stand-in for unit tests."""

import hashlib
import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from indexes.records import EmbedderIdentity, Vectors


class Embedder(Protocol):
    """Texts to vectors of unit length. The prompts of its identity are put in front by itself.

    Both methods may raise Unavailable (an endpoint that does not answer).
    """

    @property
    def identity(self) -> EmbedderIdentity: ...

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """[n] questions -> [n, dim]."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """[n] passages -> [n, dim]; memory is bounded whatever n."""
        ...


class FakeEmbedder:
    """Hashed words: texts that share words are near. No model, no state."""

    identity = EmbedderIdentity(id="fake-hash-64", dim=64, query_prompt="", passage_prompt="")

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.identity.dim), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[0] = 0.1  # no text is the zero vector
            for word in re.findall(r"\w+", text.lower()):
                row[hashlib.sha256(word.encode()).digest()[0] % self.identity.dim] += 1
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def passage(context: str, text: str) -> str:
    """What is embedded of a chunk: the headings above it and then its text, which alone often does not say
    what it speaks of."""
    return f"{context}\n{text}" if context else text
