"""`simurgh tune self-edit`: the model proposes what to learn of a collection; the best proposal is kept."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.client import PATIENCE, Client, load_settings
from app.cli.evaluate import Questions, faults_told
from app.cli.output import fail, say
from app.cli.training import Changes, Name, Nice, Publish, begun, checked, handed_over, prepared, trained

if TYPE_CHECKING:
    from tuning.made import Maker
    from tuning.served import ServedCollection
    from tuning.tune import Tuned

TRIES = 3  # passages for each row that is wanted, at most
FEWEST = 10  # held-out questions: of fewer no difference can be told


def self_edit(
    name: Name,
    questions: Questions,
    collection: Annotated[str, typer.Option("--collection", "-c", help="The collection.")] = "default",
    document: Annotated[
        str | None, typer.Option(help="Of this document alone, by its id; of all if not given.")
    ] = None,
    proposals: Annotated[int, typer.Option(min=1, max=10, help="How many are tried.")] = 3,
    rows: Annotated[int, typer.Option(min=1, help="Rows of a proposal.")] = 60,
    changes: Changes = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Where the trainings take place; under the data folder if not given."),
    ] = None,
    nice: Nice = None,
    publish: Publish = True,
) -> None:
    """Have the model propose training rows, train on each proposal, and keep the one that answers held-out
    questions best, if it answers better than the base and forgot nothing."""
    from evaluation import own
    from evaluation.jsonl import write_rows
    from tuning import self_edit as story
    from tuning.made import Maker, Recipe
    from tuning.served import ServedCollection
    from tuning.workspace import Workspace

    settings = load_settings()
    with faults_told(questions):
        asked = [one for one in own.read(questions) if one.answers]
    if len(asked) < FEWEST:
        fail(f"{questions}: {len(asked)} questions have an answer, and {FEWEST} are needed to choose by", 2)
    served = ServedCollection(Client(settings, patience=PATIENCE), collection)
    documents = [document] if document is not None else served.documents()
    base = prepared(settings)
    place = folder or settings.data_dir / "tuning" / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        place.mkdir(parents=True)
    except OSError as error:
        fail(f"{place}: {error.strerror or error}", 2)
    held_out = place / "held-out.jsonl"
    write_rows(held_out, [{"prompt": one.text, "completion": one.answers[0]} for one in asked if one.answers])

    def propose(number: int) -> tuple[Path, int]:
        recipe = Recipe(
            rows=rows, tries=TRIES * rows, window=settings.max_model_len, closed_book=True, seed=number
        )
        maker = Maker(writer=served, retriever=served, counter=base.counter, recipe=recipe)
        file = place / f"proposal-{number}.jsonl"
        made = asyncio.run(_rows(maker, served, documents))
        write_rows(file, made)
        return file, len(made)

    def learn(number: int, file: Path) -> "Tuned":
        found = checked(base, file, held_out, goal="facts", force=True, changes=changes)
        work = begun(place / str(number), found, base)
        return trained(work, name, settings, nice=nice, stopped=f"stopped; what was tried is in {place}")

    found = story.self_edit(proposals, propose=propose, learn=learn, tell=lambda one: say(str(one)))
    chosen = story.best(found)
    if chosen is None:
        fail("none is kept: none answered better than the base without forgetting")
    say(f"proposal {chosen.number} is kept")
    handed_over(Workspace(place / str(chosen.number)), name, settings, publish=publish)


async def _rows(maker: "Maker", served: "ServedCollection", documents: list[str]) -> list[dict[str, Any]]:
    return [one.row async for one in maker.rows(documents, served.text_of) if one.kind == "answer"]
