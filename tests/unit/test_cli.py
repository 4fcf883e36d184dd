"""The `simurgh` command: for people, for programs, and when something is wrong."""

import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import cli
from tests.support import lora
from tests.support.api import Server, empty_database, make_settings, served, server, worker
from tests.support.embeddings_server import EmbeddingsServer
from tests.support.service import free_port
from tests.support.sites import Site, linking
from tests.support.worker import Worker

__all__ = ["empty_database", "server", "worker"]  # fixtures
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: no .env of the developer's is in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def simurgh(*arguments: str, at: Path, **settings: str) -> Done:
    """In this process: starting Python takes most of a command's time."""
    environment = environment_of(at, settings)
    result = CliRunner().invoke(cli, list(arguments), env=environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def program(*arguments: str, at: Path, **settings: str) -> Done:
    """As a user runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "app.cli.main", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment_of(at, settings)},
        cwd=at,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def environment_of(at: Path, settings: dict[str, str]) -> dict[str, str]:
    named = {"data_dir": str(at / "var"), **settings}
    return {f"SIMURGH_{name.upper()}": value for name, value in named.items()}


def port_of(server: Server) -> str:
    return server.url.rpartition(":")[2]


def test_help_names_every_command(folder: Path) -> None:
    done = program("--help", at=folder)
    assert done.returncode == 0
    names = [str(one.name or getattr(one.callback, "__name__", "")) for one in cli.registered_commands]
    for name in [*names, "adapters", "collections", "models", "tune"]:
        assert name in done.stdout


def test_doctor_for_programs(folder: Path) -> None:
    done = simurgh("doctor", "--json", at=folder, port=str(free_port()))
    found = {one["what"]: one for one in json.loads(done.stdout)}
    assert {"python", "cpu", "memory", "disk", "device", "models", "port", "access"} <= set(found)
    assert all(one["state"] in ("ok", "warning", "problem") and one["detail"] for one in found.values())
    assert done.returncode == any(one["state"] == "problem" for one in found.values())
    assert found["port"]["state"] == "ok"


def test_ingest_ask_and_search_for_programs(server: Server, folder: Path) -> None:
    server.generator.script = lambda _request: "The ferry leaves the harbour at noon [1]."
    server.ingest("Ferries are old. The ferry leaves the harbour at noon.")
    question = "When does the ferry leave the harbour?"
    server.http.post("/search", json={"question": question})  # its log stands before what is read here
    done = simurgh("ask", question, "--json", at=folder, port=port_of(server))
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["answer"].endswith("[1]")
    assert answer["citations"][0]["quote"] == "The ferry leaves the harbour at noon."
    done = simurgh("search", question, "--json", "--top-k", "1", at=folder, port=port_of(server))
    assert len(json.loads(done.stdout)["sources"]) == 1


def test_an_answer_for_people(server: Server, folder: Path) -> None:
    server.generator.script = lambda _request: "The [bold]ferry[/bold] leaves the harbour at noon [1]."
    server.ingest("Ferries are old. The ferry leaves the harbour at noon.")
    done = simurgh("ask", "When does the ferry leave the harbour?", at=folder, port=port_of(server))
    assert done.returncode == 0, done.stderr
    assert "noon. [1]" in done.stdout
    assert "“The ferry leaves the harbour at noon.”" in done.stdout


def test_adapters_from_a_folder(server: Server, folder: Path) -> None:
    for name, content in lora.files(value=0.125).items():
        (folder / name).write_bytes(content)
    done = simurgh("adapters", "add", "cli", str(folder), "--json", at=folder, port=port_of(server))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "ready"
    listed = simurgh("adapters", "list", at=folder, port=port_of(server))
    assert "cli" in listed.stdout
    assert simurgh("adapters", "remove", "cli", at=folder, port=port_of(server)).returncode == 0
    gone = simurgh("adapters", "remove", "cli", at=folder, port=port_of(server))
    assert gone.returncode == 1
    assert "adapter_not_found" in gone.stderr


def test_a_collection_comes_and_goes(server: Server, folder: Path) -> None:
    def collections(*arguments: str) -> Done:
        return simurgh("collections", *arguments, at=folder, port=port_of(server))

    assert collections("add", "laws", "-d", "what [must] hold").returncode == 0
    again = collections("add", "laws")
    assert (again.returncode, "already_exists" in again.stderr) == (1, True)
    payload = {"id": "ferry", "text": "The ferry leaves at nine."}
    server.http.post("/ingest", json={"collection": "laws", "payloads": [payload]}).raise_for_status()
    server.worker.work(server.service)
    [laws] = [
        one for one in json.loads(collections("list", "--json").stdout)["data"] if one["name"] == "laws"
    ]
    assert (laws["description"], laws["documents"]) == ("what [must] hold", 1)
    assert "laws" in collections("list").stdout
    asked = collections("remove", "laws")
    assert (asked.returncode, "holds 1 document." in asked.stdout) == (1, True), "nobody said yes"
    assert collections("remove", "laws", "--yes").returncode == 0
    assert "laws" not in collections("list").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask", "Why?"],
        ["ask", "Why?", "--json"],
        ["search", "Why?"],
        ["adapters", "list"],
        ["ingest", "setup.txt"],
    ],
)
def test_when_nothing_listens(folder: Path, arguments: list[str]) -> None:
    (folder / "setup.txt").write_text("hello")
    done = simurgh(*arguments, at=folder, port=str(free_port()))
    assert done.returncode == 1
    assert "start the service with `make serve`" in " ".join(done.stderr.split())


def test_errors_of_the_service_are_told(server: Server, folder: Path) -> None:
    for more in ([], ["--json"]):
        done = simurgh("ask", "Why?", "-c", "[/none]", *more, at=folder, port=port_of(server))
        assert done.returncode == 1
        assert "there is no collection '[/none]'" in " ".join(done.stderr.split())
    done = simurgh("ingest", "no-such-file", at=folder, port=port_of(server))
    assert "there is no file 'no-such-file'" in done.stderr


def test_a_site_is_crawled(server: Server, folder: Path) -> None:
    def crawled(at: str, *more: str) -> Done:
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(simurgh, "ingest", at, "--crawl", *more, at=folder, port=port_of(server))
            while not done.done():
                server.worker.work(server.service)
                time.sleep(0.05)
            return done.result()

    with Site() as site:
        server.service.settings.fetch_allow.append(site.host)
        site.pages["/"] = linking("/a", "/b", text="The harbour opens at noon.")
        site.pages["/a"] = site.pages["/b"] = linking(text="Dogs travel free.")
        done = crawled(site.url, "--max-pages", "2", "--exclude", "/b")
        assert (done.returncode, "2 pages" in done.stdout) == (0, True)
        assert crawled(f"{site.url}/none").returncode == 1


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"port": "x"}, "port"),
        ({"host": "0.0.0.0"}, "SIMURGH_API_KEY"),  # noqa: S104
        ({"api_key": "changeme"}, "at least 16 characters"),
        ({"max_lora_rank": "17"}, "max_lora_rank"),
        ({"fetch_allow": "["}, "fetch_allow"),
    ],
)
def test_bad_settings_are_told(folder: Path, settings: dict[str, str], told: str) -> None:
    done = simurgh("doctor", at=folder, **settings)
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())


def test_serve_refuses_what_cannot_work(folder: Path) -> None:
    done = program("serve", "--host", "0.0.0.0", at=folder)  # noqa: S104
    assert done.returncode == 2
    assert "without SIMURGH_API_KEY" in " ".join(done.stderr.split())
    done = program("serve", "--port", "99999", at=folder)
    assert done.returncode == 2
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = program("serve", "--port", str(taken.getsockname()[1]), at=folder)
    assert done.returncode == 3
    assert "another program has the port" in " ".join(done.stderr.split())
    (folder / "var").write_text("a file")
    done = program("serve", "--port", str(free_port()), at=folder)
    assert done.returncode == 4
    assert "cannot write to the data folder" in " ".join(done.stderr.split())


def test_re_embedding(folder: Path, empty_database: Path, worker: Worker) -> None:
    with EmbeddingsServer() as endpoint:
        named = {"second": {"url": endpoint.url, "model": "m"}}
        settings = make_settings(folder / "var", empty_database, embedders=named)
        with served(settings, worker) as running, ThreadPoolExecutor(1) as pool:
            running.ingest("The ferry leaves at noon.")
            port, arguments = port_of(running), ("models", "re-embed", "default", "--embedder", "second")
            asked = pool.submit(simurgh, *arguments, at=folder, port=port)
            while not running.service.re_embeddings.waiting(limit=1):
                assert not asked.done(), asked.result()
                time.sleep(0.01)
            worker.work(running.service)
            done = asked.result(30)
            assert done.returncode == 0
            assert done.stdout.endswith("'default' is answered by its new embedder.\n")
            again = simurgh(*arguments, "--json", at=folder, port=port)
            assert json.loads(again.stdout)["status"] == "succeeded"
            refused = simurgh(*arguments[:-1], "third", at=folder, port=port)
            assert (refused.returncode, "third" in refused.stderr) == (1, True)
