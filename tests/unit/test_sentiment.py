"""The worked example of a label task: enough different messages, and none whose template was trained on."""

import json
import subprocess
import sys
from pathlib import Path

from app.language import detect
from evaluation.judging.labels import labels_of
from evaluation.sentiment import SUBJECTS_EACH, TEMPLATES, row, split
from tuning.cleaning import clean
from tuning.reading import read
from tuning.splitting import without_leaks


def test_templates_are_many_and_each_its_own() -> None:
    every = [one for moods in TEMPLATES.values() for some in moods.values() for one in some]
    assert len(every) == len(set(every))
    for moods in TEMPLATES.values():
        assert sum(map(len, moods.values())) >= 60
    assert all(one.count("{}") == 1 for one in every)


def test_what_validates_is_of_other_templates() -> None:
    train, validation = split(SUBJECTS_EACH, seed=0)
    assert not {one.template for one in train} & {one.template for one in validation}
    for part in (train, validation):
        counts = {(one.mood, one.language) for one in part}
        assert len(counts) == 9
        assert len({one.message for one in part}) == len(part)
    assert all(detect(one.message) == one.language for one in (*train, *validation))
    assert split(SUBJECTS_EACH, seed=0) == (train, validation)
    assert split(SUBJECTS_EACH, seed=1) != (train, validation)


def test_the_files_are_a_label_task_of_which_little_is_left_out(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "evaluation.sentiment", str(tmp_path)], check=True, timeout=60)
    kept = {}
    for name in ("train", "validation"):
        found = read(tmp_path / f"{name}.jsonl")
        kept[name], dropped = clean(found.examples)
        assert len(dropped) <= 0.1 * len(found.examples), [one.reason for one in dropped]
    parts = without_leaks(kept["train"], kept["validation"])
    assert len(parts.leaks) <= 0.1 * len(kept["train"])
    assert labels_of([one.answer for one in parts.train]) == ("negative", "neutral", "positive")


def test_a_row_is_in_the_chat_format() -> None:
    [one, *_], _ = split(1, seed=0)
    assert [turn["role"] for turn in json.loads(json.dumps(row(one)))["messages"]] == [
        "system",
        "user",
        "assistant",
    ]
