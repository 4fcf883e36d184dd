"""Scores outlive their process and stand in the model card; anybody's answers can be scored alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

from evaluation.judging.rows import Row, dump
from evaluation.judging.scores import judged
from evaluation.judging.section import section
from tests.support.training import task
from tuning.model_card import model_card
from tuning.verdict import verdict
from tuning.workspace import Outcome, Workspace

ROWS = [
    Row(question=f"How was day {number}?", gold=mood, base="It was good | or bad.", tuned=mood)
    for number in range(6)
    for mood in ("good", "bad")
]
FIGURES = {
    "general_accuracy_base": 0.7,
    "general_accuracy": 0.7,
    "target_perplexity_base": 8.0,
    "target_perplexity": 3.0,
    "ended": 1.0,
}


def test_scores_are_left_in_the_workspace_and_shown_in_the_card(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "run")
    work.begin(task(tmp_path), (), ())
    assert work.scores() is None
    found = judged(ROWS)
    work.write_scores(ROWS, found)
    assert work.scores() == (found, ROWS)
    assert not list(work.folder.glob("*.unfinished"))

    figures = FIGURES | found.figures()
    outcome = Outcome(status="succeeded", figures=figures)
    card = model_card("moods", work.task(), outcome, verdict(figures), [], section(found, ROWS))
    text = card.markdown()
    assert "Macro-F1 of the labels that validate: 0.000 of the base, 1.000 now" in text
    assert "| macro-F1 | 0.000 (0.000–0.000) | 1.000 (1.000–1.000) | +1.000 (+1.000 to +1.000) | 12 |" in text
    assert "**Confusion, base**" in text
    assert "| bad | 0 | 0 | 6 |" in text
    assert "| bad | 6 | 0 | 0 |" in text
    assert "<h3>Confusion, tuned</h3>" in card.html()
    assert "It was good \\| or bad." in text


def test_answers_of_any_two_systems_are_scored(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_bytes(dump(ROWS[:2]))
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "scores.json").read_text())["count"] == 2
    report = (tmp_path / "scores.md").read_text()
    assert "| EM | 0.000 (0.000–0.000) | 1.000 (1.000–1.000) | +1.000 (+1.000 to +1.000) | 2 |" in report
    assert "No similarity: the embedder 'bundled' is not ready on this machine" in report


def test_a_line_that_is_no_answer_is_named(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_bytes(dump(ROWS[:1]) + b'{"question": "Why?"}\n')
    done = run(tmp_path)
    assert done.returncode == 2
    assert "answers.jsonl, line 2:" in done.stderr


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    arguments = [str(folder / "answers.jsonl"), "--out", str(folder)]
    environment = {**os.environ, "SIMURGH_MODELS_DIR": str(folder / "none"), "SIMURGH_DEVICE": "cpu"}
    return subprocess.run(
        [sys.executable, "-m", "evaluation.judging", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
