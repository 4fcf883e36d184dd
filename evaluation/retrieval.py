"""How often the passage that a question is about is found, by every arm on the same questions."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation import metrics
from evaluation.arms import DEPTH, OURS, Arm
from evaluation.datasets import DataSet, Question
from evaluation.metrics import Estimate, difference, estimate
from evaluation.plots import Line, Plot
from evaluation.report import Section, Table

CUTS = (1, 5, 10)
CURVE = tuple(range(1, 11))


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """One arm on one set: the scores of each question, in the order of the questions."""

    arm: str
    recall: dict[int, tuple[float, ...]]  # k -> recall@k of each question
    reciprocal_rank: tuple[float, ...]
    ndcg: tuple[float, ...]  # at 10
    milliseconds: float  # median of a search, its question embedded before
    five_milliseconds: float | None  # the same for five chunks, where that was measured


@dataclass(frozen=True, kw_only=True)
class Measured:
    data: DataSet
    questions: tuple[Question, ...]
    arms: tuple[Ranked, ...]


def measure(data: DataSet, questions: Sequence[Question], arms: Sequence[Arm]) -> Measured:
    """``questions`` must have been learnt by the embedder, or its time is counted too. The arms take turns
    at every question, so that a noisy neighbour troubles all of them."""
    rankings: dict[str, list[list[str]]] = {arm.name: [] for arm in arms}
    times: dict[str, list[float]] = {arm.name: [] for arm in arms}
    fives: dict[str, list[float]] = {}
    for arm in arms:
        arm.rank(questions[0].text)  # warm
    for question in questions:
        for arm in arms:
            begun = time.perf_counter()
            uris = arm.rank(question.text)
            times[arm.name].append(time.perf_counter() - begun)
            rankings[arm.name].append([uri.removeprefix("payload:") for uri in dict.fromkeys(uris)])
            if arm.five is not None:
                begun = time.perf_counter()
                arm.five(question.text)
                fives.setdefault(arm.name, []).append(time.perf_counter() - begun)
    golds = [question.gold for question in questions]
    ranked = (
        _scored(arm.name, rankings[arm.name], golds, times[arm.name], fives.get(arm.name)) for arm in arms
    )
    return Measured(data=data, questions=tuple(questions), arms=tuple(ranked))


def _scored(
    name: str,
    rankings: Sequence[Sequence[str]],
    golds: Sequence[Sequence[str]],
    times: Sequence[float],
    fives: Sequence[float] | None,
) -> Ranked:
    pairs = list(zip(rankings, golds, strict=True))
    return Ranked(
        arm=name,
        recall={k: tuple(metrics.recall(ranked, gold, k) for ranked, gold in pairs) for k in CURVE},
        reciprocal_rank=tuple(metrics.reciprocal_rank(ranked, gold) for ranked, gold in pairs),
        ndcg=tuple(metrics.ndcg(ranked, gold, 10) for ranked, gold in pairs),
        milliseconds=1000 * statistics.median(times),
        five_milliseconds=1000 * statistics.median(fives) if fives else None,
    )


def section(found: Sequence[Measured], *, seed: int, titles: str) -> Section:
    return Section(
        title="Retrieval",
        text=(
            "All passages of a set are indexed, each as a document of its own, by the real pipeline; the "
            f"questions are those of {titles} that their passage answers. Every arm ranks the same chunks "
            "with the same vectors, and chunks of one passage count once, at the best of their ranks. "
            "`BM25 alone` uses our own analysis of words; LlamaIndex stands as its documentation sets it up. "
            f"The time is the median of a search for {DEPTH} chunks whose question is embedded already; ours "
            "also leaves out near-duplicates and reads the live texts from the database. In brackets: 95 % "
            "bootstrap intervals."
        ),
        tables=tuple(_table(one, seed) for one in found),
        plots=tuple(_plot(one) for one in found),
    )


def _table(found: Measured, seed: int) -> Table:
    rows = []
    for arm in found.arms:
        first = estimate(arm.recall[1], seed=seed)
        rows.append(
            (
                arm.arm,
                str(first),
                *(f"{_mean(arm.recall[k]):.3f}" for k in CUTS[1:]),
                f"{_mean(arm.reciprocal_rank):.3f}",
                f"{_mean(arm.ndcg):.3f}",
                f"{arm.milliseconds:.2f}",
            )
        )
    data = found.data
    return Table(
        title=f"{data.name}: {len(found.questions)} questions, {len(data.passages)} passages ({data.source})",
        header=("arm", *(f"recall@{k}" for k in CUTS), "MRR", "nDCG@10", "ms"),
        rows=tuple(rows),
        note=_against_best(found, seed),
    )


def _against_best(found: Measured, seed: int) -> str:
    ours, *rivals = found.arms
    if not rivals:
        return ""
    best = max(rivals, key=lambda arm: _mean(arm.recall[1]))
    gap: Estimate = difference(ours.recall[1], best.recall[1], seed=seed)
    five = "" if ours.five_milliseconds is None else f" For five chunks: {ours.five_milliseconds:.1f} ms."
    return (
        f"{OURS} over the best rival here, {best.arm}, in recall@1: {gap.mean:+.3f} "
        f"({gap.low:+.3f} to {gap.high:+.3f}).{five}"
    )


def _plot(found: Measured) -> Plot:
    lines = tuple(
        Line(name=arm.arm, points=tuple((k, _mean(arm.recall[k])) for k in CURVE), marked=arm.arm == OURS)
        for arm in found.arms
    )
    lowest = min(y for line in lines for _, y in line.points)
    return Plot(
        title=f"recall@k, {found.data.name}",
        x_label="k",
        y_label="recall",
        lines=lines,
        x_range=(1, CURVE[-1]),
        x_ticks=CURVE[-1] - 1,
        y_range=(min(0.8, int(lowest * 10) / 10), 1.0),
    )


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else 0.0
