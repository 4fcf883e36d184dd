"""`simurgh compare`: prompt, retrieval, tuning, or both, measured on questions of one's own."""

import asyncio
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table

from app.adapter_store import AdapterStore
from app.asking import MAX_TOKENS, TOP_K
from app.cli.client import PATIENCE, Client, load_settings
from app.cli.evaluate import Questions, faults_told
from app.cli.output import Failed, counted, out, progress, say
from app.generator import BASE
from app.settings import Settings

if TYPE_CHECKING:
    from evaluation.compare_report import Training

NAME = "comparison"  # of the files
MEMORY = re.compile(r"^simurgh_memory_bytes (\S+)$", re.M)
Changes = Literal["daily", "monthly", "yearly", "never"]


def compare(
    questions: Questions,
    collection: Annotated[str, typer.Option("--collection", "-c", help="The collection.")] = "default",
    adapter: Annotated[
        str | None, typer.Option("--adapter", "-a", help="The adapter to compare with and without.")
    ] = None,
    changes: Annotated[Changes | None, typer.Option(help="How often the documents change.")] = None,
    style: Annotated[bool, typer.Option("--style", help="Answers must keep a manner of their own.")] = False,
    top_k: Annotated[int, typer.Option(help="Passages to retrieve.")] = TOP_K,
    max_tokens: Annotated[int, typer.Option(help="Longest answer.")] = MAX_TOKENS,
    at_once: Annotated[
        int,
        typer.Option(min=1, help="Questions at a time; more than one is sooner done, and times are longer."),
    ] = 1,
    folder: Annotated[Path, typer.Option("--out", help="Where the reports go.")] = Path("comparison-report"),
) -> None:
    """Ask the model alone, with documents, with the adapter, with both, and say which serves best; writes an
    HTML, a Markdown and a JSON report."""
    from evaluation import own
    from evaluation.compare import arms
    from evaluation.compare import compare as asked_all
    from evaluation.compare_report import CHOICES, as_json, compared, report
    from evaluation.recommend import Owner

    settings = load_settings()
    client = Client(settings, patience=PATIENCE)

    askers = ThreadPoolExecutor(at_once)  # asyncio's own has few threads on a small machine

    async def ask(body: Mapping[str, Any]) -> Mapping[str, Any]:
        in_thread = asyncio.get_running_loop().run_in_executor  # Ctrl-C is heard
        reply: dict[str, Any] = await in_thread(askers, client.post, "/ask", body)
        return reply

    with faults_told(questions):
        asked = own.read(questions)
        named = own.documents(client, collection, asked)
    training = None
    if adapter is not None and adapter != BASE:
        training = _training(client, settings, client.get(f"/adapters/{adapter}"))
    with progress() as bar:
        task = bar.add_task("asking", total=len(asked) * len(arms(adapter)))
        answered, left_out = asyncio.run(
            asked_all(
                ask,
                asked,
                collection=collection,
                adapter=adapter,
                top_k=top_k,
                max_tokens=max_tokens,
                documents=named,
                at_once=at_once,
                each=lambda: bar.advance(task),
                failures=(Failed,),
            )
        )
    found = compared(
        answered,
        collection=collection,
        adapter=adapter,
        top_k=top_k,
        at_once=at_once,
        owner=Owner(changes=changes, style=style),
        memory_bytes=_memory(client),
        training=training,
        left_out=left_out,
    )
    table = Table("arm", "score", "wrong", "median ms", box=None, pad_edge=False)
    for arm in found.measured.arms:
        table.add_row(arm.name, str(arm.score), f"{arm.wrong.mean:.0%}", f"{arm.p50_ms:,.0f}")
    out.print(table)
    if left_out:
        say(f"left out: {counted(len(left_out), 'question')} that could not be answered")
    advice = found.recommendation
    say(f"{CHOICES[advice.choice]}" + (f" ({advice.arm})" if advice.arm else ""))
    for doubt in advice.thin:
        say(f"  not sure: {doubt}")
    for reason in advice.reasons:
        say(f"- {reason.about}: {reason.text}")
    written = report(found)
    paths = [*written.write(folder, NAME), folder / f"{NAME}.json"]
    content = {"facts": written.facts, **as_json(found)}
    paths[-1].write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")
    for path in paths:
        say(f"written: {path}")


def _training(client: Client, settings: Settings, adapter: Mapping[str, Any]) -> "Training | None":
    from tuning.cost import SOURCE, cost, cost_of

    source = str(adapter["source"])
    if source.startswith(SOURCE):
        figures = client.get(f"/v1/fine_tuning/jobs/{source.removeprefix(SOURCE)}")["figures"]
        return None if figures is None else cost(figures)
    stored = AdapterStore(settings.data_dir / "adapters")
    return cost_of(stored.folder(adapter["version"].removeprefix("sha256:")), settings.data_dir / "tuning")


def _memory(client: Client) -> int | None:
    told = MEMORY.search(client.text("/metrics"))
    return int(float(told.group(1))) if told else None
