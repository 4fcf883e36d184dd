"""One score of two legs: a weighted mean of what each says, with weights that were learnt.

BM25 and coverage are shares of all that the question's words could score, so words weigh little where the
passages do not have them, as between two languages."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from indexes.language import script
from indexes.records import Vectors
from indexes.vectors import Scores

OTHER = "other"  # the weights of scripts that have none of their own


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Shares of the score; the dense leg has what is left of 1."""

    lexical: float
    coverage: float

    def fuse(self, near: Scores, lexical: Scores, coverage: Scores) -> Scores:
        """Of any one shape, 0..1."""
        words = self.lexical * lexical + self.coverage * coverage
        return np.asarray(words + (1 - self.lexical - self.coverage) * np.clip(near, 0, 1), np.float32)


class Fusion:
    """``weights`` by script; ``homes`` by embedder and script, [1, dim] each."""

    def __init__(
        self, weights: Mapping[str, Weights], homes: Mapping[str, Mapping[str, Vectors]] | None = None
    ) -> None:
        self._weights = weights
        self._homes = homes or {}

    def home(self, question: str, embedder: str) -> Vectors | None:
        """Where questions in the script of this one lie on average, if that was learnt for the embedder."""
        return self._homes.get(embedder, {}).get(script(question))

    def fuse(self, question: str, near: Scores, lexical: Scores, coverage: Scores) -> Scores:
        """Scores of any one shape, of one question or of several in one script -> that shape, 0..1."""
        return (self._weights.get(script(question)) or self._weights[OTHER]).fuse(near, lexical, coverage)


def load_fusion() -> Fusion:
    """As `scripts/fit_fusion.py` learnt it; the file says on what."""
    learnt = json.loads(files("indexes").joinpath("fusion.json").read_text())
    return Fusion(
        {name: Weights(**weights) for name, weights in learnt["weights"].items()},
        {
            embedder: {name: np.array([home], np.float32) for name, home in homes.items()}
            for embedder, homes in learnt["homes"].items()
        },
    )
