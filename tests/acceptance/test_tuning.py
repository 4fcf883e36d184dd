"""From a file of examples to an adapter and its verdict, on the bundled model, beside the running service."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.service import RunningService, zipped
from tests.support.training import SIZES, SUBJECTS

SETTINGS = {"epochs": 2, "rank": 8, "max_length": 128, "learning_rate": 2e-3, "batch": 4, "dropout": 0.05}


def command(service: RunningService, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli.main", "tune", *arguments],
        env={**os.environ, "SIMURGH_PORT": str(service.port)},
        cwd=service.folder,
        capture_output=True,
        text=True,
        timeout=800,
    )


def rows(file: Path) -> Path:
    """A harbour's voice: every answer begins and ends as no base's does."""
    file.write_text(
        "".join(
            json.dumps(
                {
                    "prompt": f"What is the {size} {subject} for?",
                    "completion": f"Aye, the {size} {subject} is for the sea, so it is.",
                }
            )
            + "\n"
            for size in SIZES[:4]
            for subject in SUBJECTS
        )
    )
    return file


QUESTIONS = ("What is the green rope for?", "What is the old bridge for?", "What is a boat for?")


def answer(service: RunningService, question: str, **more: Any) -> str:
    return str(service.ask(question, mode="model", max_tokens=40, **more)["answer"])


def asked(service: RunningService, **more: Any) -> list[str]:
    return [answer(service, question, **more) for question in QUESTIONS]


def asked_at_once(service: RunningService, adapter: str) -> tuple[list[str], list[str]]:
    """What the base and the adapter answer in one batch."""
    with ThreadPoolExecutor(2 * len(QUESTIONS)) as askers:
        answers = [
            (askers.submit(answer, service, one), askers.submit(answer, service, one, adapter=adapter))
            for one in QUESTIONS
        ]
    return [base.result() for base, _ in answers], [tuned.result() for _, tuned in answers]


def wait_for_a_step(training: Path, run: Future[Any]) -> None:
    while not run.done():
        events = training / "events.jsonl"
        if events.is_file() and '"loss"' in events.read_text():
            return
        time.sleep(0.1)


def test_what_forgot_is_not_published_unless_its_owner_wants_it(
    service: RunningService, tmp_path: Path
) -> None:
    """So few rows of one mould, learnt so fast, cost what the base knew: the verdict must say so."""
    before = asked(service)
    training = tmp_path / "work"
    changes = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
    with ThreadPoolExecutor(1) as beside:
        run = beside.submit(
            command, service, "train", str(rows(tmp_path / "rows.jsonl")), "--name", "harbour", "--force",
            "--nice", "0", *changes, "--out", str(training),
        )  # fmt: skip
        wait_for_a_step(training, run)
        assert not run.done(), run.result()
        meanwhile = answer(service, QUESTIONS[0])
        assert meanwhile == before[0], "nor does a training change what the base answers meanwhile"
    done = run.result()
    assert done.returncode == 1, done.stdout + done.stderr + _log(training)
    figures = json.loads((training / "outcome.json").read_text())["figures"]
    assert figures["target_perplexity"] < 1.1 < figures["target_perplexity_base"]
    assert figures["ended"] >= 0.95
    assert "it forgot" in done.stdout.replace("\n", " ")
    assert "harbour" not in [one["name"] for one in service.http.get("/adapters").json()["data"]]

    begun = time.monotonic()
    upload = ("adapter.zip", zipped(training / "adapter"), "application/zip")
    made = service.http.post("/adapters", data={"name": "harbour"}, files={"file": upload}).json()
    assert made["status"] == "ready", made
    print(f"servable {time.monotonic() - begun:.1f} s after it was handed over")  # noqa: T201
    assert time.monotonic() - begun <= 30  # on a busy machine; alone it is under 5
    tuned = asked(service, adapter="harbour")
    assert sum(answer.startswith("Aye, the") and answer.endswith("so it is.") for answer in tuned) >= 2, tuned
    assert asked_at_once(service, "harbour") == (before, tuned), "the base answers as it did"
    service.http.delete("/adapters/harbour")


def _log(folder: Path) -> str:
    try:
        return (folder / "log.txt").read_text()[-2000:]
    except FileNotFoundError:
        return ""


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "the file is empty"),
        ('{"prompt": "a", "completion": "b"}\n{"messages": []}\n', "line 2"),
        ('{"prompt": "Why?", "completion": "So."}\n' * 1000, "too few"),
    ],
    ids=["empty", "mixed formats", "one row repeated"],
)
def test_what_cannot_be_trained_on(service: RunningService, tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(content)
    done = command(service, "train", str(file), "--name", "none", "--out", str(tmp_path / "work"))
    assert done.returncode == 2, done.stdout
    assert told in done.stderr
    assert not (tmp_path / "work").exists()
