"""`simurgh ingest`, `ask` and `search`: the running service from the command line."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from app.asking import TOP_K
from app.cli.client import Client, load_settings
from app.cli.output import AsJson, as_json, counted, fail, out, progress

Collection = Annotated[str, typer.Option("--collection", "-c", help="The collection.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", "-t", help="A tag; may be repeated.")]


def ingest(
    sources: Annotated[
        list[str], typer.Argument(help="Files, folders, http(s) addresses, or .json files of payloads.")
    ],
    collection: Collection = "default",
    tag: Tags = None,
    priority: Annotated[str, typer.Option(help="high, normal or low, among your own.")] = "normal",
    crawl: Annotated[
        bool, typer.Option("--crawl", help="Take the sites that the addresses start, not single pages.")
    ] = False,
    depth: Annotated[int, typer.Option(help="With --crawl: links from the start.")] = 5,
    max_pages: Annotated[int, typer.Option(help="With --crawl: most pages of a site.")] = 1000,
    include: Annotated[
        list[str] | None, typer.Option(help="With --crawl: paths such as `/docs/*`; may be repeated.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="With --crawl: likewise, left out.")] = None,
    refresh: Annotated[str | None, typer.Option(help="Read the addresses again, such as `every 1d`.")] = None,
    as_json_: AsJson = False,
) -> None:
    """Hand in documents and wait until they can be asked about."""
    client = Client(load_settings())
    urls = [source for source in sources if source.startswith(("http://", "https://"))]
    files, payloads = _files([source for source in sources if source not in urls])
    jobs = []
    wish: dict[str, Any] = {"collection": collection, "tags": tag or [], "priority": priority}
    if files:
        jobs.append(client.upload("/ingest", files, wish)["job_id"])
    if urls or payloads:
        body: dict[str, Any] = {**wish, "payloads": payloads}
        limits = {
            "depth": depth,
            "max_pages": max_pages,
            "include": include or [],
            "exclude": exclude or [],
        }
        body |= {"crawls": [{"url": url, **limits} for url in urls]} if crawl else {"urls": urls}
        body |= {"refresh": refresh} if urls else {}
        jobs.append(client.post("/ingest", body)["job_id"])
    results = [follow(client, job_id, quiet=as_json_) for job_id in jobs]
    if as_json_:
        as_json(results)
    parts = [one for job in results for one in (*job["pulls"], *job["documents"])]
    failed = [one for one in parts if one["status"] == "failed"]
    if failed:
        fail(f"{len(failed)} of {len(parts)} documents and sites failed")


def follow(client: Client, job_id: str, *, quiet: bool = False) -> dict[str, Any]:
    """Wait for a job behind a progress bar, then say how each document ended."""
    job: dict[str, Any] = {}
    with progress() as bar:
        task = bar.add_task("waiting", total=None)
        for job in client.wait_for_job(job_id):
            at = job["progress"]
            share = at["done"] + (at["chunks_done"] / at["chunks_total"] if at["chunks_total"] else 0)
            bar.update(
                task, description=at["stage"], completed=min(share, at["total"]), total=at["total"] or 1
            )
    if not quiet:
        for one in job["pulls"]:
            detail = counted(one["items"], "page") if one["error"] is None else one["error"]["message"]
            out.print(f"  {one['status']:<10} [dim]{escape(detail)}[/]", highlight=False)
        for one in job["documents"]:
            detail = counted(one["chunks"], "chunk") if one["error"] is None else one["error"]["message"]
            out.print(
                f"  {one['status']:<10} {escape(one['name'])}  [dim]{escape(detail)}[/]", highlight=False
            )
        if not job["documents"] and all(one["status"] == "done" for one in job["pulls"]):
            out.print("  unchanged: everything was known already")
    return job


def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    collection: Collection = "default",
    adapter: Annotated[
        str | None, typer.Option("--adapter", "-a", help="An adapter's name, or `base`.")
    ] = None,
    top_k: Annotated[int, typer.Option(help="Passages to retrieve.")] = TOP_K,
    as_json_: AsJson = False,
) -> None:
    """Ask, and print the answer with its citations."""
    client = Client(load_settings())
    body = {"question": question, "collection": collection, "adapter": adapter, "top_k": top_k}
    if as_json_:
        as_json(client.post("/ask", body))
        return
    with client.events({**body, "stream": True}) as events:
        for name, data in events:
            if name == "error":
                fail(data["error"]["message"])
            if name == "answer":
                show_answer(data)


def show_answer(answer: dict[str, Any]) -> None:
    voice = answer["adapter"]["name"] if answer["adapter"] else "base"
    out.print(f"\n  {answer['answer']}\n", highlight=False, markup=False)
    for one in answer["citations"]:
        page = f", page {one['page']}" if one["page"] else ""
        out.print(f"  [{one['marker']}] {one['title']}{page}: “{one['quote']}”", style="cyan", markup=False)
    out.print(
        f"  {answer['model']} ({voice}), {answer['timings_ms']['total']:.0f} ms, "
        f"groundedness {answer['groundedness']}",
        style="dim",
        highlight=False,
    )


def search(
    question: Annotated[str, typer.Argument(help="What to look for.")],
    collection: Collection = "default",
    top_k: Annotated[int, typer.Option(help="Passages to retrieve.")] = TOP_K,
    as_json_: AsJson = False,
) -> None:
    """Retrieve passages without generating an answer."""
    client = Client(load_settings())
    found = client.post("/search", {"question": question, "collection": collection, "top_k": top_k})
    if as_json_:
        as_json(found)
        return
    for number, one in enumerate(found["sources"], 1):
        page = f", page {one['page']}" if one["page"] else ""
        out.print(f"\n[bold]{number}. {one['score']:.3f}[/] {escape(one['title'])}{page}", highlight=False)
        out.print(one["text"], highlight=False, markup=False)


def _files(sources: list[str]) -> tuple[list[Path], list[Any]]:
    """Files to upload (of folders, all within), and the payloads that .json files hold."""
    files: list[Path] = []
    payloads: list[Any] = []
    for source in sources:
        path = Path(source)
        if not path.exists():
            fail(f"there is no file {source!r}")
        for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if one.suffix == ".json":
                payloads += _payloads(one)
            elif one.is_file():
                files.append(one)
    return files, payloads


def _payloads(path: Path) -> list[Any]:
    try:
        data = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        fail(f"{path} is not valid JSON: {error}")
    found = data.get("payloads", [data]) if isinstance(data, dict) else data
    return list(found)
