"""`simurgh tune`: adapters from one's own examples."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from app.cli.client import load_settings
from app.cli.output import AsJson, as_json, fail, out

app = typer.Typer(help="Train adapters on your own examples.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """A group of commands, also while it holds one."""


@app.command()
def check(
    training: Annotated[
        Path, typer.Argument(help="JSONL (chat, prompt and completion, or preference pairs) or CSV.")
    ],
    validation: Annotated[
        Path | None, typer.Option(help="Examples to validate with; a fifth of the others if not given.")
    ] = None,
    goal: Annotated[
        Literal["voice", "skill", "facts"], typer.Option(help="What the adapter should learn.")
    ] = "voice",
    force: Annotated[bool, typer.Option("--force", help="Plan for fewer than 100 examples, too.")] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A choice of the plan otherwise, like `rank=8`."),
    ] = None,
    folder: Annotated[Path | None, typer.Option("--out", help="Where the data card goes.")] = None,
    as_json_: AsJson = False,
) -> None:
    """Look at training data before anything is trained: what would be left out, how it is split, the plan."""
    from dataclasses import asdict

    from app import models
    from app.tokens import LocalTokenCounter
    from indexes.errors import SimurghError
    from indexes.language import LanguageDetector
    from tuning.check import check as run
    from tuning.machine import base_of, hardware

    settings = load_settings()
    base = Path(models.generator_source(settings).model)
    try:
        counter = LocalTokenCounter(base)
        found = run(
            training,
            validation,
            base=base_of(base, settings, counter),
            weights=base,
            hardware=hardware(settings),
            counter=counter,
            language=LanguageDetector().detect,
            goal=goal,
            force=force,
            changes=dict(map(_change, changes or ())),
        )
    except OSError as error:
        fail(f"{error.filename or training} cannot be read: {error.strerror or error}", 2)
    except SimurghError as error:
        fail(error.message, 2)
    written = found.report.write(folder, "data-card") if folder is not None else ()
    if as_json_:
        as_json({"data": found.card.as_dict(), "plan": asdict(found.plan), "modules": found.modules})
        return
    for section in found.report.sections:
        for table in section.tables:
            if table.rows:
                out.print(_shown(table.title, table.header, table.rows))
    rows = []
    for name, value in asdict(found.plan).items():
        if name not in ("reasons", "warnings"):
            text = ", ".join(value) if isinstance(value, tuple) else str(value)
            rows.append((name, text, found.plan.reasons.get(name, "")))
    out.print(_shown("Plan", ("", "", "why"), rows))
    if found.modules:
        out.print(f"{len(found.modules)} modules: {', '.join(found.modules)}", markup=False, highlight=False)
    for warning in found.plan.warnings:
        out.print(f"Note: {warning}.", markup=False, highlight=False)
    for path in written:
        out.print(f"written: {path}", markup=False, highlight=False)


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
