"""`simurgh eval` against the service, over fakes of generator and embedder."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from app.cli.main import cli
from tests.support.api import Server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: no .env of the developer's is in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluate(server: Server, *lines: object) -> Result:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    Path("questions.jsonl").write_text("\n".join(texts), "utf-8")
    environment = {"SIMURGH_PORT": server.url.rpartition(":")[2]}
    return CliRunner().invoke(
        cli, ["eval", "--questions", "questions.jsonl", "--out", "out"], env=environment
    )


def test_questions_are_asked_and_a_report_is_written(server: Server, folder: Path) -> None:
    server.generator.script = lambda _request: "The ferry leaves the harbour at noon [1]."
    server.ingest("Ferries are old. The ferry leaves the harbour at noon.")
    question = "When does the ferry leave the harbour?"
    done = evaluate(
        server,
        {"question": question, "answers": ["The ferry leaves the harbour at noon"], "document": "note-0"},
        {"question": "The ferry leaves the harbour at noon?"},
    )
    assert done.exit_code == 0, done.stderr
    assert "recall@1 of the named document" in done.stdout
    report = (folder / "out" / "report.md").read_text("utf-8")
    assert question in report
    assert (folder / "out" / "report.html").is_file()


def test_bad_lines_are_told_by_their_numbers(server: Server, folder: Path) -> None:
    done = evaluate(server, {"question": "When?"}, "{broken", {"question": ""})
    assert done.exit_code == 2
    assert "line 2: not JSON" in done.stderr
    assert "line 3: `question` must be a text" in done.stderr
    assert "2 problems in questions.jsonl" in " ".join(done.stderr.split())
    assert not (folder / "out").exists()


def test_a_file_that_is_not_there(folder: Path) -> None:
    done = CliRunner().invoke(cli, ["eval", "--questions", "absent.jsonl"])
    assert done.exit_code == 2
    assert "absent.jsonl cannot be read: No such file" in " ".join(done.stderr.split())
