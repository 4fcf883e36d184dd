"""`simurgh eval`: the running service, scored on questions of one's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app.asking import TOP_K
from app.cli.client import PATIENCE, Client, load_settings
from app.cli.output import err, fail, out, progress

SHOWN = 20  # bad lines
Questions = Annotated[
    Path,
    typer.Option(
        help='A file with a JSON object a line: {"question": "…", "answers": ["…"], "document": "…"}. '
        "The last two may be left out; an empty list of answers says that it should be refused."
    ),
]


def evaluate(
    questions: Questions,
    collection: Annotated[str, typer.Option("--collection", "-c", help="The collection.")] = "default",
    adapter: Annotated[
        str | None, typer.Option("--adapter", "-a", help="An adapter's name, or `base`.")
    ] = None,
    top_k: Annotated[int, typer.Option(help="Passages to retrieve.")] = TOP_K,
    folder: Annotated[Path, typer.Option("--out", help="Where the reports go.")] = Path("evaluation-report"),
) -> None:
    """Score retrieval, answers and refusals on own questions; writes a Markdown and an HTML report."""
    from evaluation import own

    with faults_told(questions):
        asked = own.read(questions)
        client = Client(load_settings(), patience=PATIENCE)
        with progress() as bar:
            task = bar.add_task("asking", total=len(asked))
            outcomes = own.measure(
                client,
                asked,
                collection=collection,
                adapter=adapter,
                top_k=top_k,
                each=lambda: bar.advance(task),
            )
    written = own.report(
        outcomes, collection=collection, adapter=adapter or "the collection's own", top_k=str(top_k)
    )
    for name, value, count in written.sections[0].tables[0].rows:
        out.print(f"  {name:<40} {value}  ({count})", markup=False, highlight=False)
    for path in written.write(folder, "report"):
        out.print(f"written: {path}", markup=False, highlight=False)


@contextmanager
def faults_told(questions: Path) -> Iterator[None]:
    """Ends the command with what is wrong with the file, line by line."""
    from evaluation.own import BadQuestions

    try:
        yield
    except OSError as error:
        fail(f"{questions} cannot be read: {error.strerror or error}", 2)
    except BadQuestions as error:
        for line in error.lines[:SHOWN]:
            err.print(line, style="red", markup=False, highlight=False)
        more = len(error.lines) - SHOWN
        fail(f"{len(error.lines)} problems in {questions}" + (f", {more} not shown" if more > 0 else ""), 2)
