"""The model proposes what to learn of documents, and what it learns best from is kept: SEAL in small.

After Zweiger et al. 2025 (https://arxiv.org/abs/2506.10943): their outer loop is one round here, a choice
among a few proposals. Each is judged by the same held-out questions, and none is kept that fails the verdict
or answers no better than the base.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuning.tune import Tuned


@dataclass(frozen=True, kw_only=True)
class Proposal:
    number: int  # from 1
    rows: int
    tuned: Tuned | None  # None where there were no rows to learn from

    @property
    def f1(self) -> float:
        """Of the held-out answers."""
        return self._figure("f1")

    @property
    def gain(self) -> float:
        return self.f1 - self._figure("f1_base")

    @property
    def holds(self) -> bool:
        verdict = None if self.tuned is None else self.tuned.verdict
        return verdict is not None and verdict.passed and self.gain > 0

    def _figure(self, name: str) -> float:
        figures = self.tuned.outcome.figures if self.tuned is not None else None
        return (figures or {}).get(name, 0.0)

    def __str__(self) -> str:
        if self.tuned is None:
            return f"proposal {self.number}: no row held"
        if self.tuned.verdict is None:
            return f"proposal {self.number}: {self.rows} rows, {self.tuned.outcome.message}"
        failed = "" if self.tuned.verdict.passed else f", {self.tuned.verdict.code}"
        return f"proposal {self.number}: {self.rows} rows, F1 {self.f1:.3f} ({self.gain:+.3f}){failed}"


def self_edit(
    count: int,
    *,
    propose: Callable[[int], tuple[Path, int]],
    learn: Callable[[int, Path], Tuned],
    tell: Callable[[Proposal], None] = lambda _: None,
) -> tuple[Proposal, ...]:
    """``count`` proposals, numbered from 1. ``propose``: a file of rows and how many; ``learn``: an adapter
    from them, judged by the held-out questions. Raises what those two raise."""
    found = []
    for number in range(1, count + 1):
        file, rows = propose(number)
        tuned = learn(number, file) if rows else None
        found.append(Proposal(number=number, rows=rows, tuned=tuned))
        tell(found[-1])
    return tuple(found)


def best(proposals: Sequence[Proposal]) -> Proposal | None:
    """That which answers best; None where none holds."""
    return max((one for one in proposals if one.holds), key=lambda one: one.f1, default=None)
