"""`simurgh tune make`: training rows from a collection of the running service."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.asking import TOP_K
from app.cli.client import PATIENCE, Client, load_settings
from app.cli.output import AsJson, as_json, fail, progress, say
from app.settings import Settings

if TYPE_CHECKING:
    from app.tokens import LocalTokenCounter
    from tuning.made import Maker, Recipe
    from tuning.served import ServedCollection

TRIES = 5  # passages for each row that is wanted, at most


def make(
    file: Annotated[Path, typer.Option("--out", help="JSONL of chats, as `check` and `train` take it.")],
    collection: Annotated[str, typer.Option("--collection", "-c", help="The collection.")] = "default",
    rows: Annotated[int, typer.Option(min=1, help="How many rows are wanted.")] = 500,
    pairs: Annotated[
        Path | None,
        typer.Option(help="JSONL of preference pairs, from feedback and from what did not hold."),
    ] = None,
    refusals: Annotated[
        float, typer.Option(min=0, max=0.5, help="The share of rows whose sources do not answer.")
    ] = 0.2,
    top_k: Annotated[
        int, typer.Option(min=1, max=10, help="Passages in a row, as many as are served.")
    ] = TOP_K,
    tries: Annotated[
        int | None, typer.Option(min=1, help="Passages to try at most; five times the rows if not given.")
    ] = None,
    as_json_: AsJson = False,
) -> None:
    """Make training rows from a collection of the running service, which writes and answers the questions."""
    import asyncio

    from tuning.made import Maker, Recipe
    from tuning.served import ServedCollection

    settings = load_settings()
    recipe = Recipe(
        rows=rows,
        tries=tries or TRIES * rows,
        refusals=refusals,
        sources=top_k,
        window=settings.max_model_len,
    )
    served = ServedCollection(Client(settings, patience=PATIENCE), collection)
    maker = Maker(writer=served, retriever=served, counter=_counter(settings), recipe=recipe)
    status = 0
    try:
        asyncio.run(_make(maker, served, recipe, file, pairs))
    except OSError as error:
        fail(f"{error.filename} cannot be written: {error.strerror or error}", 2)
    except KeyboardInterrupt:
        status = 130  # what was made so far is kept, and told
    tally = maker.tally
    counts = {"tried": tally.tried, "made": dict(tally.made), "dropped": dict(tally.dropped.most_common())}
    if as_json_:
        as_json(counts)
        raise typer.Exit(status)
    say(f"{tally.tried} passages were tried")
    for kind, count in tally.made.items():
        say(f"  {count:>6}  {kind} rows" if kind != "pair" else f"  {count:>6}  preference pairs")
    for reason, count in tally.dropped.most_common():
        say(f"  {count:>6}  dropped: {reason.replace('_', ' ')}")
    if tally.rows < rows:
        say(f"Note: {tally.rows} of {rows} rows. More documents, --tries or a stronger generator give more.")
    say(f"written: {', '.join(map(str, filter(None, (file, pairs))))}")
    raise typer.Exit(status)


async def _make(
    maker: "Maker", served: "ServedCollection", recipe: "Recipe", file: Path, pairs: Path | None
) -> None:
    """Each row is written as it comes."""
    from contextlib import ExitStack

    from tuning.pairs import preferences

    documents = served.documents()
    with ExitStack() as stack, progress() as bar:
        out = stack.enter_context(file.open("w", encoding="utf-8"))
        out_pairs = stack.enter_context(pairs.open("w", encoding="utf-8")) if pairs else None
        task = bar.add_task("asking", total=recipe.rows)
        async for made in maker.rows(documents, served.text_of):
            target = out_pairs if made.kind == "pair" else out
            if target is not None:
                target.write(json.dumps(made.row, ensure_ascii=False) + "\n")
                target.flush()
            bar.update(task, completed=maker.tally.rows, description=f"asked about {maker.tally.tried}")
        if out_pairs is not None:
            async for made in maker.pairs(preferences(served.feedback())):
                out_pairs.write(json.dumps(made.row, ensure_ascii=False) + "\n")


def _counter(settings: Settings) -> "LocalTokenCounter":
    from app import models
    from app.tokens import LocalTokenCounter

    folder = models.generator_source(settings).model
    try:
        return LocalTokenCounter(Path(folder))
    except OSError as error:
        fail(f"{error.filename or folder} cannot be read: {error.strerror or error}", 2)
