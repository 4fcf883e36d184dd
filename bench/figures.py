"""What a measurement says, how often it was repeated, and how it is shown."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as RichTable

from evaluation.report import Table

ROUNDS = 5


@dataclass(frozen=True, kw_only=True)
class Figure:
    name: str
    ours: float
    rival: float
    unit: str

    @property
    def ratio(self) -> float:
        return self.ours / self.rival


def alternated(ours: Callable[[], object], rival: Callable[[], object]) -> tuple[float, float]:
    """Median seconds of each, run in turns, so that a noisy neighbour troubles both."""
    times: tuple[list[float], list[float]] = ([], [])
    ours(), rival()  # warm
    for _ in range(ROUNDS):
        for work, taken in zip((ours, rival), times, strict=True):
            begun = time.perf_counter()
            work()
            taken.append(time.perf_counter() - begun)
    return statistics.median(times[0]), statistics.median(times[1])


def ratios(figures: Sequence[Figure]) -> Table:
    return Table(
        title="Ratios",
        header=("figure", "ours", "rival", "unit", "ratio"),
        rows=tuple(
            (one.name, f"{one.ours:.1f}", f"{one.rival:.1f}", one.unit, f"{one.ratio:.2f}x")
            for one in figures
        ),
    )


def show(*tables: Table) -> None:
    """In the terminal."""
    for one in tables:
        shown = RichTable(*one.header, title=one.title)
        for row in one.rows:
            shown.add_row(*row)
        Console().print(shown)
