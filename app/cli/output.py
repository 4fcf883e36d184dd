"""What commands print: for people by rich, for programs as JSON with --json."""

import json
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

out = Console()
err = Console(stderr=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def as_json(data: Any) -> None:
    out.print_json(json.dumps(data, ensure_ascii=False), ensure_ascii=False)


def say(message: str) -> None:
    """A line that holds what others have written: nothing in it is markup."""
    out.print(message, markup=False, highlight=False)


def counted(number: int, noun: str) -> str:
    """Like "1 page" and "1,000 pages"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class Failed(typer.Exit):
    """The command ends; it has been said why."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(status)
        self.message = message

    def __str__(self) -> str:
        return self.message


def fail(message: str, status: int = 1) -> NoReturn:
    err.print(f"[bold red]simurgh:[/] {escape(message)}", highlight=False)
    raise Failed(message, status)


def progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=err,
    )
