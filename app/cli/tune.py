"""`simurgh tune`: adapters from one's own examples."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from app.cli import make, self_edit
from app.cli.client import load_settings
from app.cli.output import AsJson, as_json, fail, out, say
from app.cli.training import (
    Changes,
    Goal,
    Name,
    Nice,
    Publish,
    begun,
    checked,
    handed_over,
    prepared,
    trained,
)
from app.settings import Settings

if TYPE_CHECKING:
    from tuning.workspace import Workspace

app = typer.Typer(help="Train adapters on your own examples.", no_args_is_help=True)
app.command()(make.make)
app.command()(self_edit.self_edit)
Training = Annotated[
    Path, typer.Argument(help="JSONL (chat, prompt and completion, or preference pairs) or CSV.")
]
Validation = Annotated[
    Path | None, typer.Option(help="Examples to validate with; a fifth of the others if not given.")
]
GoalOption = Annotated[Goal, typer.Option("--goal", help="What the adapter should learn.")]
Force = Annotated[bool, typer.Option("--force", help="Fewer than 100 examples, too.")]


@app.command()
def check(
    training: Training,
    validation: Validation = None,
    goal: GoalOption = "voice",
    force: Force = False,
    changes: Changes = None,
    folder: Annotated[Path | None, typer.Option("--out", help="Where the data card goes.")] = None,
    as_json_: AsJson = False,
) -> None:
    """Look at training data before anything is trained: what would be left out, how it is split, the plan."""
    from dataclasses import asdict

    from tuning.model_card import plan_table

    found = checked(prepared(load_settings()), training, validation, goal=goal, force=force, changes=changes)
    written = found.report.write(folder, "data-card") if folder is not None else ()
    if as_json_:
        as_json({"data": found.card.as_dict(), "plan": asdict(found.plan), "modules": found.modules})
        return
    for section in found.report.sections:
        for table in section.tables:
            if table.rows:
                out.print(_shown(table.title, table.header, table.rows))
    plan = plan_table(found.plan)
    out.print(_shown(plan.title, plan.header, plan.rows))
    if found.modules:
        say(f"{len(found.modules)} modules: {', '.join(found.modules)}")
    for warning in found.plan.warnings:
        say(f"Note: {warning}.")
    for path in written:
        say(f"written: {path}")


@app.command()
def train(
    training: Training,
    name: Name,
    validation: Validation = None,
    goal: GoalOption = "voice",
    force: Force = False,
    changes: Changes = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Where the training takes place; under the data folder if not given."),
    ] = None,
    nice: Nice = None,
    publish: Publish = True,
) -> None:
    """Train an adapter, judge it, and hand it to the running service."""
    settings = load_settings()
    base = prepared(settings)
    found = checked(base, training, validation, goal=goal, force=force, changes=changes)
    for warning in found.plan.warnings:
        say(f"Note: {warning}.")
    place = folder or settings.data_dir / "tuning" / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    _finish(begun(place, found, base), name, settings, nice=nice, publish=publish)


@app.command()
def resume(
    folder: Annotated[Path, typer.Argument(help="The folder of a training that was stopped.")],
    name: Name,
    nice: Nice = None,
    publish: Publish = True,
) -> None:
    """Go on with a training from its last checkpoint."""
    from tuning.workspace import Workspace

    work = Workspace(folder)
    if not (folder / "task.json").is_file():
        fail(f"{folder} holds no training", 2)
    _finish(work, name, load_settings(), nice=nice, publish=publish)


def _finish(work: "Workspace", name: str, settings: Settings, *, nice: int | None, publish: bool) -> None:
    from tuning.tune import MODEL_CARD

    again = f"simurgh tune resume {work.folder} --name {name}"
    tuned = trained(work, name, settings, nice=nice, stopped=f"stopped; `{again}` goes on")
    if tuned.verdict is None:
        fail(f"{tuned.outcome.message} ({tuned.outcome.code}); the log is {work.log}")
    for reason in tuned.verdict.reasons:
        say(f"- {reason}")
    say(f"model card: {work.folder / MODEL_CARD}.md")
    if not tuned.verdict.passed:
        fail(f"it is not published ({tuned.verdict.code}); the adapter is in {work.adapter}")
    handed_over(work, name, settings, publish=publish)


def _shown(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, name in enumerate(header):
        table.add_column(name, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    return table
