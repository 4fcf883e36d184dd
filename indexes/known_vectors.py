"""Vectors that a collection holds already, so that text it has seen is not embedded again."""

import hashlib
from collections.abc import Sequence

import numpy as np
from sqlalchemy import Engine, select

from indexes import schema as s
from indexes.collections import made_with
from indexes.database import reading
from indexes.records import EmbedderIdentity, Vectors
from indexes.spaces import current_vector


def digest_of(passage: str) -> str:
    """Names a passage, headings and all, whichever document it stands in: 128 bits of its SHA-256."""
    return hashlib.sha256(passage.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class KnownVectors:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(
        self, collection_id: str, embedder: EmbedderIdentity, passages: Sequence[str]
    ) -> dict[str, Vectors]:
        """Passage -> [dim], of those that live in the collection and were embedded by ``embedder``."""
        names = {digest_of(passage): passage for passage in passages}
        query = (
            select(s.chunks.c.digest, current_vector().label("vector"))
            .join(s.collections, s.collections.c.id == s.chunks.c.collection_id)
            .where(
                s.chunks.c.collection_id == collection_id,
                s.chunks.c.digest.in_(list(names)),
                s.chunks.c.dead_seq.is_(None),
                made_with(s.collections, embedder),
            )
        )
        with reading(self._engine) as db:
            rows = db.execute(query).all()
        return {names[row.digest]: np.frombuffer(row.vector, dtype="<f4") for row in rows}
