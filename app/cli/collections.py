"""`simurgh collections`: list, add, remove."""

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from app.cli.client import Client, load_settings
from app.cli.output import AsJson, as_json, counted, out

app = typer.Typer(help="Collections of documents, each asked apart from the others.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The collection's name.")]


@app.command("list")
def list_(as_json_: AsJson = False) -> None:
    """All collections, and how much is in them."""
    found = Client(load_settings()).get("/collections", limit=1000)
    if as_json_:
        as_json(found)
        return
    table = Table("name", "documents", "chunks", "adapter", "embedder", "description")
    for one in found["data"]:
        table.add_row(
            one["name"],
            f"{one['documents']:,}",
            f"{one['chunks']:,}",
            one["default_adapter"] or "",
            one["embedder"]["id"],
            escape(one["description"]),
        )
    out.print(table)


@app.command()
def add(
    name: Name,
    description: Annotated[str, typer.Option("--description", "-d", help="What it is about.")] = "",
    adapter: Annotated[
        str | None, typer.Option("--adapter", "-a", help="Answers for it unless a request names another.")
    ] = None,
    as_json_: AsJson = False,
) -> None:
    """Make an empty collection."""
    body = {"name": name, "description": description, "default_adapter": adapter}
    made: dict[str, Any] = Client(load_settings()).post("/collections", body)
    if as_json_:
        as_json(made)
    else:
        out.print(f"{made['name']} is there", markup=False)


@app.command()
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
) -> None:
    """Delete a collection with every document in it."""
    client = Client(load_settings())
    held = client.get(f"/collections/{name}")["documents"]
    if held and not yes:
        typer.confirm(f"{name} holds {counted(held, 'document')}. Delete them too?", abort=True)
    client.delete(f"/collections/{name}")
