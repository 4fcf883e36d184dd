"""One score of two legs: a weighted mean whose weights were learnt, and that trusts words only as far as the
passages have the question's words."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from indexes.language import Script, script
from indexes.vectors import Scores

OTHER = "other"  # the weights of scripts that have none of their own


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Shares of the score; the cosine has what is left of 1."""

    lexical: float
    coverage: float
    trusted: float  # coverage of the best passage from which on the words have their full share


class Fusion:
    def __init__(self, weights: Mapping[str, Weights]) -> None:
        self._weights = weights

    def fuse(self, question: str, cosine: Scores, lexical: Scores, coverage: Scores) -> Scores:
        """[n] each, of one question's candidates -> [n], 0..1."""
        if not len(cosine):
            return cosine
        weights = self._of(script(question))
        trust = min(1.0, float(coverage.max()) / weights.trusted)
        words = trust * (weights.lexical * lexical + weights.coverage * coverage)
        rest = 1 - trust * (weights.lexical + weights.coverage)
        return np.asarray(words + rest * np.clip(cosine, 0, 1), np.float32)

    def _of(self, name: Script) -> Weights:
        return self._weights.get(name) or self._weights[OTHER]


def load_fusion() -> Fusion:
    """With the weights that `scripts/fit_fusion.py` learnt; the file says on what."""
    learnt = json.loads(files("indexes").joinpath("fusion.json").read_text())
    return Fusion({name: Weights(**weights) for name, weights in learnt["weights"].items()})
