"""`simurgh adapters`: list, add, remove, bind to a collection."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from app.adapter_store import peft_files
from app.cli.client import Client, load_settings
from app.cli.output import AsJson, as_json, fail, out

app = typer.Typer(help="LoRA adapters, chosen per request or bound to a collection.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The adapter's name.")]


@app.command("list")
def list_(as_json_: AsJson = False) -> None:
    """All adapters with their status."""
    found = Client(load_settings()).get("/adapters", limit=1000)
    if as_json_:
        as_json(found)
        return
    table = Table("name", "status", "rank", "version", "reason")
    for one in found["data"]:
        table.add_row(
            one["name"], one["status"], str(one["rank"]), one["version"][:19], escape(one["error"] or "")
        )
    out.print(table)


@app.command()
def add(
    name: Name,
    files: Annotated[list[Path], typer.Argument(help="A .zip or .tar.gz, a PEFT folder, or its two files.")],
    as_json_: AsJson = False,
) -> None:
    """Upload an adapter; it is checked and loaded before it can be chosen."""
    if len(files) == 1 and files[0].is_dir():
        files = peft_files(files[0])
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        fail(f"there is no file {missing[0]!r}")
    made: dict[str, Any] = Client(load_settings()).upload("/adapters", files, {"name": name})
    if as_json_:
        as_json(made)
    else:
        out.print(
            f"{made['name']} is {made['status']}" + (f": {made['error']}" if made["error"] else ""),
            markup=False,
        )
    if made["status"] == "failed":
        raise typer.Exit(1)


@app.command()
def remove(name: Name) -> None:
    """Delete an adapter."""
    Client(load_settings()).delete(f"/adapters/{name}")


@app.command()
def bind(name: Name, collection: Annotated[str, typer.Argument(help="The collection.")]) -> None:
    """Let an adapter answer for a collection unless a request names another; `base` unbinds."""
    Client(load_settings()).patch(f"/collections/{collection}", {"default_adapter": name})
