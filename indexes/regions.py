"""Where the passages of each script lie among a collection's vectors.

A multilingual embedder leaves its vectors in regions by language, and a question finds passages of its own
language nearer than those of another that answer it. So for passages in another script a question is moved
from where questions of its own script lie on average towards where those passages lie. Where the collection
has passages in the question's own script too, it is moved less far, or the others would crowd those out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from indexes.language import Script, script
from indexes.records import Vectors
from indexes.rows import Mask

SCRIPTS: tuple[Script, ...] = ("latin", "arabic", "han", "kana", "hangul", "other")
SHARE_ALONE, SHARE_BESIDE = 0.7, 0.5  # of the way; chosen by measure, see `scripts/fit_fusion.py`
SAMPLE = 80  # terms of a passage that tell its script


class Regions:
    def __init__(self, dim: int) -> None:
        self._codes = np.empty(0, np.uint8)  # [n] by position: the place of its script in SCRIPTS
        self._sums = np.zeros((len(SCRIPTS), dim), np.float64)  # of all vectors, tombstones too

    def append(self, vectors: Vectors, terms: Sequence[Sequence[str]]) -> None:
        codes = np.array([SCRIPTS.index(script(" ".join(some[:SAMPLE]))) for some in terms], np.uint8)
        self._codes = np.concatenate([self._codes, codes])
        for code in np.unique(codes):
            self._sums[code] += vectors[codes == code].sum(axis=0, dtype=np.float64)

    def moved(self, vector: Vectors, own: Script, home: Vectors | None) -> Mapping[Script, Vectors]:
        """The question's ``vector`` [1, dim] as it is for passages of each script that is there."""
        counts = np.bincount(self._codes, minlength=len(SCRIPTS))
        there = {name: count for name, count in zip(SCRIPTS, counts.tolist(), strict=True) if count}
        share = SHARE_BESIDE if own in there else SHARE_ALONE
        queries: dict[Script, Vectors] = {}
        for name, count in there.items():
            queries[name] = vector
            if home is not None and name != own:
                mean = self._sums[SCRIPTS.index(name)] / count
                queries[name] = (vector + share * (mean - home)).astype(np.float32)
        return queries

    def of(self, name: Script) -> Mask:
        """[n] the positions of its passages."""
        return np.asarray(self._codes == SCRIPTS.index(name))

    def scripts(self, positions: npt.NDArray[np.intp]) -> list[Script]:
        return [SCRIPTS[code] for code in self._codes[positions].tolist()]

    def state(self) -> dict[str, npt.NDArray[Any]]:
        return {"codes": self._codes, "sums": self._sums.copy()}

    @classmethod
    def from_state(cls, dim: int, state: dict[str, npt.NDArray[Any]]) -> "Regions":
        """Raises ValueError when the parts do not fit together."""
        made = cls(dim)
        if state["sums"].shape != made._sums.shape or np.any(state["codes"] >= len(SCRIPTS)):
            raise ValueError("the snapshot's parts do not fit together")
        made._codes, made._sums = state["codes"], state["sums"]
        return made

    def __len__(self) -> int:
        return len(self._codes)
