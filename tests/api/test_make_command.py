"""`simurgh tune make` against the service, over fakes of generator and embedder."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli.main import cli
from app.generator import GenerationRequest
from tests.support.api import Server
from tests.support.words import word_tokenizer
from tuning.reading import read

PORTS = {"Norholm": "noon", "Vester": "dawn", "Aldby": "dusk", "Kveld": "midnight"}


def scripted(request: GenerationRequest) -> str:
    found = re.search(r"The ferry to (\w+) leaves the harbour at (\w+)\.", request.messages[-1].content)
    assert found is not None
    if request.schema is None:
        return f"At {found[2]} [1]."
    question = f"When does the ferry to {found[1]} leave the harbour?"
    return json.dumps({"quote": found[0], "question": question, "answer": f"at {found[2]}"})


@pytest.fixture
def ports(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    word_tokenizer(tmp_path)
    server.generator.script = scripted
    payloads = [
        {"id": port, "text": f"The ferry to {port} leaves the harbour at {hour}. Bring a ticket."}
        for port, hour in PORTS.items()
    ]
    server.http.post("/collections", json={"name": "ports"})
    body = {"collection": "ports", "payloads": payloads}
    server.http.post("/ingest", json=body).raise_for_status()
    server.worker.work(server.service)
    return "ports"


def make(server: Server, *options: str) -> Any:
    environment = {"SIMURGH_PORT": server.url.rpartition(":")[2], "SIMURGH_GENERATOR": str(Path.cwd())}
    return CliRunner().invoke(cli, ["tune", "make", "--out", "rows.jsonl", *options], env=environment)


def test_rows_and_pairs_are_written_as_check_reads_them(server: Server, ports: str) -> None:
    question = "When does the ferry to Norholm leave the harbour?"
    answer = server.http.post("/ask", json={"question": question, "collection": ports}).json()
    said = {
        "request_id": answer["request_id"],
        "question": question,
        "answer": "It leaves at dawn [1].",
        "chunk_ids": [one["chunk_id"] for one in answer["sources"]],
        "collection": ports,
        "rating": "down",
        "correction": "The ferry to Norholm leaves the harbour at noon.",
    }
    server.http.post("/feedback", json=said).raise_for_status()
    done = make(server, "--collection", ports, "--rows", "5", "--pairs", "pairs.jsonl", "--json")
    assert done.exit_code == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["tried"] == 4
    assert counts["made"] == {"answer": 4, "refusal": 1, "pair": 1}
    assert counts["dropped"] == {}
    rows = read(Path("rows.jsonl"))
    assert (rows.format, len(rows.examples)) == ("chat", 5)
    assert len({one.document for one in rows.examples}) == 4
    [pair] = read(Path("pairs.jsonl")).examples
    assert pair.answer.startswith("The ferry to Norholm leaves the harbour at noon. [")
    assert pair.rejected is not None


def test_what_was_dropped_is_told(server: Server, ports: str) -> None:
    server.generator.script = lambda _request: '{"question": "Who?"}'
    done = make(server, "--collection", ports, "--rows", "3", "--tries", "2")
    assert done.exit_code == 0, done.stderr
    assert "2 passages were tried" in done.stdout
    assert "2  dropped: not json" in done.stdout
    assert "0 of 3 rows" in done.stdout
    assert Path("rows.jsonl").read_text() == ""


def test_a_collection_that_is_not_there(server: Server, ports: str) -> None:
    done = make(server, "--collection", "none-such")
    assert done.exit_code == 1
    assert "collection_not_found" in done.stderr
    assert not Path("rows.jsonl").exists()


def test_a_place_where_nothing_can_be_written(server: Server, ports: str) -> None:
    done = make(server, "--collection", ports, "--pairs", "absent/pairs.jsonl")
    assert done.exit_code == 2
    assert "absent/pairs.jsonl cannot be written" in " ".join(done.stderr.split())
