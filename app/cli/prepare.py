"""`simurgh models`: which run, and making them ready once."""

import os
from typing import Annotated
from urllib.parse import quote

import typer

from app import models
from app.cli.client import Client, load_settings
from app.cli.output import AsJson, as_json, err, fail, out, progress
from app.settings import Settings

QUIET = {  # the libraries' own bars and notes would tear ours
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TQDM_DISABLE": "1",
}

app = typer.Typer(help="The models that run.", no_args_is_help=True)


def prepare_with_bar(settings: Settings) -> None:
    """Convert the bundled models if that has not been done yet."""
    if models.is_prepared(settings):
        return
    os.environ.update(QUIET)
    err.print("Preparing the models once: about a minute, and about 1.5 GB under " + str(settings.models_dir))
    with progress() as bar:
        task = bar.add_task("starting", total=1.0)
        try:
            models.prepare(
                settings, lambda stage, share: bar.update(task, description=stage, completed=share)
            )
        except OSError as error:
            fail(f"the models could not be made ready: {error}", 4)


@app.command()
def prepare(as_json_: AsJson = False) -> None:
    """Convert the bundled models (or those that the settings name) for this machine; once."""
    settings = load_settings()
    prepare_with_bar(settings)
    show(as_json_)


@app.command()
def show(as_json_: AsJson = False) -> None:
    """Say which models the settings name, and whether they are ready."""
    settings = load_settings()
    source = models.generator_source(settings)
    facts = {
        "generator": settings.generator_urls or source.id,
        "languages": list(source.languages),
        "embedder": settings.embedder_url or settings.embedder,
        "device": "cuda" if models.on_gpu(settings) else "cpu",
        "folder": str(settings.models_dir),
        "prepared": models.is_prepared(settings),
    }
    if as_json_:
        as_json(facts)
        return
    for name, value in facts.items():
        out.print(f"{name:>10}  {value}", highlight=False)


@app.command("re-embed")
def re_embed(
    collection: Annotated[str, typer.Argument(help="The collection's name.")],
    embedder: Annotated[
        str | None, typer.Option(help="A name in SIMURGH_EMBEDDERS; the service's own if not given.")
    ] = None,
    as_json_: AsJson = False,
) -> None:
    """Embed a collection anew with another embedder, by the running service: it goes on answering with the
    present one and switches at the end. Ctrl-C leaves it at work."""
    client = Client(load_settings())
    job = client.post(f"/collections/{quote(collection, safe='')}/reembed", {"embedder": embedder})
    with progress() as bar:
        task = bar.add_task("waiting", total=None)
        for last in client.wait_for_job(job["job_id"]):
            told = last["progress"]
            total = told["chunks_total"] or None
            bar.update(task, description=told["stage"], completed=told["chunks_done"], total=total)
    if as_json_:
        as_json(last)
    elif last["status"] == "succeeded":
        out.print(f"{collection!r} is answered by its new embedder.", highlight=False)
    if last["status"] != "succeeded":
        error = (last["re_embedding"] or {}).get("error")
        fail(error["message"] if error else f"the re-embedding was {last['status']}")
