"""Whether the gate's probability is one: of what it calls 70 % likely, 70 % should hold the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.cases import Case
from evaluation.plots import Line, Plot
from evaluation.report import Section, Table

BINS = 10


@dataclass(frozen=True, kw_only=True)
class Bin:
    said: float  # mean probability
    held: float  # share that was so
    count: int


def bins(said: Sequence[float], held: Sequence[bool]) -> list[Bin]:
    """Of equal width; those with nothing in them are left out."""
    probability, truth = np.asarray(said, np.float64), np.asarray(held, np.float64)
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    return [
        Bin(
            said=float(probability[place == one].mean()),
            held=float(truth[place == one].mean()),
            count=int((place == one).sum()),
        )
        for one in range(BINS)
        if (place == one).any()
    ]


def error(found: Sequence[Bin]) -> float:
    """Expected calibration error (Naeini et al. 2015): mean distance of said and held, by count."""
    total = sum(one.count for one in found)
    return sum(one.count * abs(one.said - one.held) for one in found) / total if total else 0.0


def section(found: Mapping[str, Sequence[Case]], *, signal: str) -> Section:
    """``found``: set -> its cases; scored on test titles."""
    rows, lines = [], []
    for name, cases in found.items():
        test = [case for case in cases if case.part == "test"]
        if not test:
            continue
        said, held = [case.signals[signal] for case in test], [case.holds for case in test]
        reliability = bins(said, held)
        brier = float(np.mean((np.asarray(said) - np.asarray(held, np.float64)) ** 2))
        rows.append(
            (
                name,
                str(len(test)),
                f"{np.mean(held):.3f}",
                f"{np.mean(said):.3f}",
                f"{error(reliability):.3f}",
                f"{brier:.3f}",
            )
        )
        lines.append(Line(name=name, points=tuple((one.said, one.held) for one in reliability), marked=True))
    lines.append(Line(name="perfect", points=((0.0, 0.0), (1.0, 1.0)), dashed=True))
    return Section(
        title="Calibration of the gate",
        text=(
            "The gate says how likely the passages hold the answer. They do when the gold passage is among "
            "the first five. The mix of kinds is the one above, which is harder than what people ask."
        ),
        tables=(
            Table(
                title="Reliability on test titles",
                header=("set", "questions", "hold the answer", "said on average", "ECE", "Brier"),
                rows=tuple(rows),
            ),
        ),
        plots=(
            Plot(
                title="reliability",
                x_label="probability that was said",
                y_label="share that held the answer",
                lines=tuple(lines),
            ),
        ),
    )
