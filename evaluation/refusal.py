"""Refusing what the index does not answer: how often rightly, at what price in questions refused wrongly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.cases import Case, Kind
from evaluation.metrics import area, estimate
from evaluation.plots import Line, Plot
from evaluation.report import Section, Table

PRICE = 0.10  # of the answerable questions, at most this share may be refused
UNANSWERABLE: tuple[Kind, ...] = ("gold removed", "adversarial", "noise only")


@dataclass(frozen=True, kw_only=True)
class Point:
    threshold: float
    wrongly: float  # share of the answerable that is refused
    rightly: float  # share of the others that is refused


def curve(answerable: Sequence[float], others: Sequence[float]) -> list[Point]:
    """A point for every threshold that makes a difference; what is below it is refused."""
    yes, no = np.sort(np.asarray(answerable)), np.sort(np.asarray(others))
    thresholds = np.concatenate([np.unique(np.concatenate([yes, no])), [np.inf]])
    return [
        Point(
            threshold=float(one),
            wrongly=float(np.searchsorted(yes, one) / len(yes)),
            rightly=float(np.searchsorted(no, one) / len(no)),
        )
        for one in thresholds
    ]


def threshold(answerable: Sequence[float], *, price: float = PRICE) -> float:
    """The highest at which at most ``price`` of the answerable are refused."""
    ordered = np.sort(np.asarray(answerable))
    return float(ordered[min(int(price * len(ordered)), len(ordered) - 1)])


def section(found: Mapping[str, Sequence[Case]], *, seed: int) -> Section:
    """``found``: set -> its cases."""
    tables, plots = [], []
    for name, cases in found.items():
        if any(case.answerable and case.part == "calibrate" for case in cases):
            tables += [_table(name, cases, seed)]
        plots += [_plot(name, kind, cases) for kind in UNANSWERABLE if _of(cases, kind)]
    tables.append(_own(found, seed))
    return Section(
        title="Refusal",
        text=(
            "A question is refused when a signal is below a threshold. It is set on the `calibrate` titles "
            f"so that at most {PRICE:.0%} of the answerable questions are refused, and scored on the `test` "
            "titles. `gold removed`: the passage that a question is about is taken out of the results, and "
            "nothing else that came holds the answer's words. `adversarial`: questions that the set's "
            "authors wrote to look answerable. `noise only`: the index holds nothing but passages that a "
            "search engine found and that do not answer (RGB)."
        ),
        tables=tuple(tables),
        plots=tuple(plots),
    )


def _table(name: str, cases: Sequence[Case], seed: int) -> Table:
    kinds = [kind for kind in UNANSWERABLE if _of(cases, kind)]
    rows = []
    for signal in cases[0].signals:
        at = threshold(_values(_of(cases, "answerable", "calibrate"), signal))
        row = [signal, f"{at:.3f}", _refused(_values(_of(cases, "answerable"), signal), at, seed)]
        for kind in kinds:
            row.append(_refused(_values(_of(cases, kind), signal), at, seed))
            row.append(
                f"{area(_values(_of(cases, 'answerable'), signal), _values(_of(cases, kind), signal)):.3f}"
            )
        rows.append(tuple(row))
    header = ["signal", "threshold", "refused wrongly"]
    for kind in kinds:
        header += [f"refused rightly, {kind}", "AUROC"]
    counts = ", ".join(f"{len(_of(cases, kind))} {kind}" for kind in ("answerable", *kinds))
    return Table(title=f"{name}: {counts}, of test titles", header=tuple(header), rows=tuple(rows))


def _own(found: Mapping[str, Sequence[Case]], seed: int) -> Table:
    """What the service does as it is set, whatever threshold that is."""
    rows = []
    for name, cases in found.items():
        row = [name]
        for kind in ("answerable", *UNANSWERABLE):
            some = _of(cases, kind)
            row.append(str(estimate([float(not case.enough) for case in some], seed=seed)) if some else "–")
        rows.append(tuple(row))
    return Table(
        title="At the service's own setting, test titles: share refused",
        header=("set", "answerable (wrongly)", *(f"{kind} (rightly)" for kind in UNANSWERABLE)),
        rows=tuple(rows),
    )


def _plot(name: str, kind: Kind, cases: Sequence[Case]) -> Plot:
    lines = []
    if _of(cases, "answerable"):
        for signal in cases[0].signals:
            points = curve(_values(_of(cases, "answerable"), signal), _values(_of(cases, kind), signal))
            lines.append(Line(name=signal, points=tuple((p.wrongly, p.rightly) for p in points)))
    lines.append(Line(name="by chance", points=((0.0, 0.0), (1.0, 1.0)), dashed=True))
    return Plot(
        title=f"refusal, {name}: {kind}",
        x_label="answerable questions refused",
        y_label="others refused",
        lines=tuple(lines),
    )


def _of(cases: Sequence[Case], kind: Kind, part: str = "test") -> list[Case]:
    return [case for case in cases if case.kind == kind and case.part == part]


def _values(cases: Sequence[Case], signal: str) -> list[float]:
    return [case.signals[signal] for case in cases]


def _refused(values: Sequence[float], at: float, seed: int) -> str:
    return str(estimate([float(value < at) for value in values], seed=seed))
