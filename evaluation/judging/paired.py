"""One score of both systems on the same rows, and how sure their difference is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.metrics import RESAMPLES, Estimate

Picks = npt.NDArray[np.int64]  # [n] numbers of rows, some more than once
Statistic = Callable[[Picks], float]  # of the rows that are picked


@dataclass(frozen=True, kw_only=True)
class Paired:
    name: str  # as in figures: f1, bleu, …
    title: str
    base: Estimate
    tuned: Estimate
    gain: Estimate  # tuned - base, both on the same rows of every resample


def paired(
    name: str, title: str, base: Statistic, tuned: Statistic, *, count: int, seed: int, scale: float = 1.0
) -> Paired:
    """Paired bootstrap (Koehn 2004, https://aclanthology.org/W04-3250) of two statistics over ``count`` rows.

    Of each ``scale`` times its value is told."""
    every = np.arange(count)
    resamples = np.random.default_rng(seed).integers(0, count, size=(RESAMPLES, count))
    ours = scale * np.array([base(every), *(base(one) for one in resamples)])
    theirs = scale * np.array([tuned(every), *(tuned(one) for one in resamples)])
    return Paired(
        name=name,
        title=title,
        base=_estimate(ours, count),
        tuned=_estimate(theirs, count),
        gain=_estimate(theirs - ours, count),
    )


def paired_means(
    name: str, title: str, base: Sequence[float], tuned: Sequence[float], *, seed: int
) -> Paired:
    """Of a score that each row has for itself."""
    ours, theirs = np.asarray(base, np.float64), np.asarray(tuned, np.float64)
    return paired(
        name,
        title,
        lambda picks: float(ours[picks].mean()),
        lambda picks: float(theirs[picks].mean()),
        count=len(ours),
        seed=seed,
    )


def _estimate(values: npt.NDArray[np.float64], count: int) -> Estimate:
    """``values``: that of the rows as they are, then those of the resamples."""
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return Estimate(mean=float(values[0]), low=float(low), high=float(high), count=count)
