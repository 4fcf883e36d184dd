"""`simurgh tune`: adapters from one's own examples."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table

from app.cli.adapters import peft_files
from app.cli.client import Client, load_settings
from app.cli.output import AsJson, as_json, fail, out, progress, say
from app.settings import Settings
from indexes.errors import SimurghError

if TYPE_CHECKING:
    from tuning.check import Checked
    from tuning.workspace import Workspace

app = typer.Typer(help="Train adapters on your own examples.", no_args_is_help=True)
Goal = Literal["voice", "skill", "facts"]
Training = Annotated[
    Path, typer.Argument(help="JSONL (chat, prompt and completion, or preference pairs) or CSV.")
]
Validation = Annotated[
    Path | None, typer.Option(help="Examples to validate with; a fifth of the others if not given.")
]
GoalOption = Annotated[Goal, typer.Option("--goal", help="What the adapter should learn.")]
Force = Annotated[bool, typer.Option("--force", help="Fewer than 100 examples, too.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A choice of the plan otherwise, like `rank=8`."),
]
Nice = Annotated[
    int | None,
    typer.Option(min=0, max=19, help="How far it steps back for others; 0 on a machine of its own."),
]
Publish = Annotated[bool, typer.Option(help="Hand the adapter to the running service.")]


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

    found = _Prepared(load_settings()).checked(training, validation, goal, force, changes)
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
    name: Annotated[str, typer.Option(help="What the adapter will be called.")],
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
    from tuning.tune import begin

    settings = load_settings()
    prepared = _Prepared(settings)
    found = prepared.checked(training, validation, goal, force, changes)
    for warning in found.plan.warnings:
        say(f"Note: {warning}.")
    place = folder or settings.data_dir / "tuning" / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        work = begin(place, found, base=prepared.base, weights=prepared.weights, hardware=prepared.hardware)
    except OSError as error:
        fail(f"{place}: {error.strerror or error}", 2)
    _finish(work, name, settings, nice=nice, publish=publish)


@app.command()
def resume(
    folder: Annotated[Path, typer.Argument(help="The folder of a training that was stopped.")],
    name: Annotated[str, typer.Option(help="What the adapter will be called.")],
    nice: Nice = None,
    publish: Publish = True,
) -> None:
    """Go on with a training from its last checkpoint."""
    from tuning.workspace import Workspace

    work = Workspace(folder)
    if not (folder / "task.json").is_file():
        fail(f"{folder} holds no training", 2)
    _finish(work, name, load_settings(), nice=nice, publish=publish)


class _Prepared:
    """What a check needs of the base and of the machine."""

    def __init__(self, settings: Settings) -> None:
        from app import models
        from app.tokens import LocalTokenCounter
        from tuning.machine import base_of, hardware

        source = models.generator_source(settings)
        self.weights = Path(source.model)
        try:
            self.counter = LocalTokenCounter(self.weights)
            self.base = base_of(self.weights, source.id, settings, self.counter)
        except OSError as error:
            fail(f"{error.filename or self.weights} cannot be read: {error.strerror or error}", 2)
        except SimurghError as error:
            fail(error.message, 2)
        self.hardware = hardware(settings)

    def checked(
        self, training: Path, validation: Path | None, goal: Goal, force: bool, changes: list[str] | None
    ) -> "Checked":
        from indexes.language import LanguageDetector
        from tuning.check import check as run

        try:
            return run(
                training,
                validation,
                base=self.base,
                weights=self.weights,
                hardware=self.hardware,
                counter=self.counter,
                language=LanguageDetector().detect,
                goal=goal,
                force=force,
                changes=dict(map(_change, changes or ())),
            )
        except OSError as error:
            fail(f"{error.filename or training} cannot be read: {error.strerror or error}", 2)
        except SimurghError as error:
            fail(error.message, 2)


def _finish(work: "Workspace", name: str, settings: Settings, *, nice: int | None, publish: bool) -> None:
    from tuning.tune import MODEL_CARD, tune

    with progress() as bar:
        shown = bar.add_task("getting ready", total=None)

        def tell(event: Mapping[str, Any]) -> None:
            if "steps" in event:
                losses = [f"{key} {event[key]:.3f}" for key in ("loss", "validation_loss") if key in event]
                bar.update(
                    shown,
                    total=event["steps"],
                    completed=event["step"],
                    description=f"{event['stage']} {', '.join(losses)}",
                )
            elif "note" in event:
                say(event["note"])

        try:
            tuned = tune(work, name, tell=tell, niceness=nice)
        except KeyboardInterrupt:
            fail(f"stopped; `simurgh tune resume {work.folder} --name {name}` goes on", 130)
    if tuned.verdict is None:
        fail(f"{tuned.outcome.message} ({tuned.outcome.code}); the log is {work.log}")
    for reason in tuned.verdict.reasons:
        say(f"- {reason}")
    say(f"model card: {work.folder / MODEL_CARD}.md")
    if not tuned.verdict.passed:
        fail(f"it is not published ({tuned.verdict.code}); the adapter is in {work.adapter}")
    if publish:
        made = Client(settings).upload("/adapters", peft_files(work.adapter), {"name": name})
        if made["status"] == "failed":
            fail(f"the service does not take it: {made['error']}")
        say(f'{made["name"]} is {made["status"]}: simurgh ask "…" --adapter {made["name"]}')
    else:
        say(f"the adapter: {work.adapter}")


def _change(text: str) -> tuple[str, object]:
    name, given, value = text.partition("=")
    if not given:
        fail(f"--set {text}: write NAME=VALUE", 2)
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value.strip()


def _shown(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, name in enumerate(header):
        table.add_column(name, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    return table
