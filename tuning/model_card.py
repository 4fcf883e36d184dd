"""What an adapter is, for those who are to use it: its data, plan, curves and scores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from evaluation.plots import Line, Plot
from evaluation.report import Report, Section, Table
from tuning.plan import Plan
from tuning.verdict import Verdict
from tuning.workspace import Outcome, Task

CURVES = (("loss", "training"), ("validation_loss", "validation"))


def model_card(
    name: str,
    task: Task,
    outcome: Outcome,
    verdict: Verdict,
    events: Sequence[Mapping[str, Any]],
    answers: Section | None = None,
) -> Report:
    """``answers``: those that base and adapter wrote, with their scores."""
    figures = outcome.figures or {}
    scores = Table(
        title="Scores",
        header=("", "base", "tuned"),
        rows=tuple(_scores(figures)),
        note="Perplexity and accuracy are those of the answers' tokens. General: what the base itself "
        "answers to questions of no subject that were not learnt from.",
    )
    training = Section(
        title="Training",
        text=f"{figures.get('parameters_trained', 0):,.0f} parameters trained in "
        f"{figures.get('training_seconds', 0):,.0f} s; {figures.get('replayed', 0):,.0f} general rows were "
        "replayed.",
        tables=(plan_table(task.plan),),
        plots=tuple(_curves(events)),
    )
    judged = Section(
        title="Verdict",
        text="\n\n".join(f"{reason[0].upper()}{reason[1:]}." for reason in verdict.reasons),
        tables=(scores,),
    )
    return Report(
        title=name,
        facts={
            "base": task.base,
            "method": task.plan.method,
            "data": "see data-card.md",
            "may be served": "yes" if verdict.passed else "no",
        },
        sections=(judged, *([] if answers is None else [answers]), training),
    )


def _scores(figures: Mapping[str, float]) -> Iterator[tuple[str, str, str]]:
    for title, key in (("answers that validate", "target"), ("general answers", "general")):
        for measure, form in (("perplexity", "{:.2f}"), ("accuracy", "{:.3f}")):
            base, now = figures.get(f"{key}_{measure}_base"), figures.get(f"{key}_{measure}")
            if base is not None and now is not None:
                yield f"{title}: {measure}", form.format(base), form.format(now)
    if "ended" in figures:
        yield "answers that end by themselves", "", f"{figures['ended']:.0%}"


def plan_table(plan: Plan) -> Table:
    """Each choice with its reason."""
    shown = {name: value for name, value in asdict(plan).items() if name not in ("reasons", "warnings")}
    return Table(
        title="Plan",
        header=("", "", "why"),
        rows=tuple(
            (name, ", ".join(value) if isinstance(value, tuple) else str(value), plan.reasons.get(name, ""))
            for name, value in shown.items()
        ),
    )


def _curves(events: Sequence[Mapping[str, Any]]) -> Iterator[Plot]:
    for stage in dict.fromkeys(event["stage"] for event in events if "stage" in event):
        lines = []
        for key, title in CURVES:
            points = tuple(
                (float(one["step"]), float(one[key]))
                for one in events
                if one.get("stage") == stage and key in one
            )
            if points:
                lines.append(Line(name=title, points=points))
        if lines:
            every = [point for line in lines for point in line.points]
            yield Plot(
                title=f"Loss ({stage})",
                x_label="step",
                y_label="loss",
                x_range=(0.0, max(x for x, _ in every)),
                y_range=(0.0, max(y for _, y in every)),
                lines=tuple(lines),
            )
