"""`simurgh demo`: the whole tour, on three sample documents in three languages."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from app.cli.client import Client, load_settings
from app.cli.output import err, fail, out
from app.cli.prepare import prepare_with_bar
from app.cli.use import follow, show_answer
from app.settings import Settings

SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
COLLECTION = "demo"
ADAPTER = "radio-voice"
START_PATIENCE = 300.0  # seconds


def demo() -> None:
    """Ingest the samples, ask in three languages, switch the adapter. Uses the running service, or starts
    one and stops it at the end."""
    if not SAMPLES.is_dir():
        fail("the samples are not here: run the demo from a checkout, with `make demo`")
    settings = load_settings()
    client = Client(settings)
    server = None if _answers(client) else _start(settings)
    try:
        _wait_until_ready(client, server)
        _ingest(client)
        _ask(client)
        _switch_adapter(client)
    finally:
        if server is not None:
            err.print("\nStopping the service.")
            server.terminate()
            server.wait(30)
    out.print("\nThat was the tour. `make serve` starts the service; the page is at " + client.url)


def _answers(client: Client) -> bool:
    try:
        return httpx.get(client.url + "/health/live", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _start(settings: Settings) -> subprocess.Popen[bytes]:
    prepare_with_bar(settings)
    err.print("Starting the service; the model takes up to a minute to load.")
    return subprocess.Popen([sys.executable, "-m", "app.cli.main", "serve"], start_new_session=True)


def _wait_until_ready(client: Client, server: "subprocess.Popen[bytes] | None") -> None:
    deadline = time.monotonic() + START_PATIENCE
    with err.status("waiting for the engine"):
        while time.monotonic() < deadline:
            if server is not None and server.poll() is not None:
                fail("the service ended while it was starting: see the messages above")
            if _answers(client) and client.ready()["status"] == "ok":
                return
            time.sleep(0.5)
    fail(f"the service was not ready within {START_PATIENCE:.0f} seconds")


def _ingest(client: Client) -> None:
    out.rule("1. Three documents: a PDF, a web page, an API payload")
    names = [one["name"] for one in client.get("/collections", limit=1000)["data"]]
    if COLLECTION not in names:
        client.post("/collections", {"name": COLLECTION, "description": "The samples of the tour"})
    files = [SAMPLES / "handbook-en.pdf", SAMPLES / "visitors-fa.html"]
    payloads = json.loads((SAMPLES / "tickets-zh.json").read_text("utf-8"))["payloads"]
    follow(client, client.upload("/ingest", files, {"collection": COLLECTION})["job_id"])
    follow(client, client.post("/ingest", {"collection": COLLECTION, "payloads": payloads})["job_id"])


def _ask(client: Client) -> None:
    out.rule("2. A question in each language")
    questions = json.loads((SAMPLES / "questions.json").read_text("utf-8"))
    for language in ("en", "fa", "zh"):
        question = next(one["question"] for one in questions if one["language"] == language)
        _show(client, question, "base")


def _switch_adapter(client: Client) -> None:
    out.rule("3. The same question, answered by an adapter")
    folder = SAMPLES / ADAPTER
    files = [folder / "adapter_config.json", folder / "adapter_model.safetensors"]
    made = client.upload("/adapters", files, {"name": ADAPTER})
    out.print(f"adapter {made['name']} is {made['status']}")
    questions = json.loads((SAMPLES / "questions.json").read_text("utf-8"))
    _show(client, questions[0]["question"], ADAPTER)


def _show(client: Client, question: str, adapter: str) -> None:
    body: dict[str, Any] = {"question": question, "collection": COLLECTION, "adapter": adapter, "top_k": 3}
    out.print(f"\n[bold]{question}[/]", highlight=False)
    show_answer(client.post("/ask", body))
