"""`python -m tuning.judge_reader NAME ENCODER`: how well a reader knows what a paragraph does not answer.

How many questions are refused over a paragraph without their answer, where a tenth of the answered ones is:
of texts of our own that no reader is trained on, or of the question sets' calibrate or test titles.
One paragraph a question, without retrieval and gate. On two cores two minutes.
"""

import argparse
import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from app.reader.bundle import convert, open_reader
from evaluation.datasets import data_folder
from tuning.own_texts import HELD, own_texts
from tuning.reader_recipes import RECIPES
from tuning.reader_rows import of_part

PRICE = 0.1  # share of the answered that may be refused
HELD_BACK = "held"
ANSWERED, SIBLING, NOT_TOLD = "answered", "another paragraph of its subject", "written to deceive"


def main() -> None:
    from sklearn.metrics import roc_auc_score

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("encoder", type=Path, help="the folder that transformers loads it from")
    parser.add_argument("--weights", type=Path, help="a folder, instead of the bundle")
    parser.add_argument("--on", choices=[HELD_BACK, "calibrate", "test"], default=HELD_BACK)
    parser.add_argument("--language", default="en")
    parser.add_argument("--count", type=int, default=900, help="questions, answered or not")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    trained = RECIPES[asked.name].trained
    if asked.weights:
        trained = replace(trained, name=asked.weights.name, parent=asked.weights.resolve().parent)
    raw = (
        own_texts(asked.language, HELD)
        if asked.on == HELD_BACK
        else of_part(data_folder(), asked.language, asked.on)
    )
    with tempfile.TemporaryDirectory() as temporary:
        convert(trained, asked.encoder, Path(temporary))
        reader = open_reader(trained, Path(temporary))
        found = [
            (kind, reader.read(question, [text])[0].margin)
            for kind, question, text in _cases(raw, asked.count, random.Random(asked.seed))
        ]
    margins = {name: np.array([margin for kind, margin in found if kind == name]) for name, _ in found}
    good = margins.pop(ANSWERED)
    for kind, bad in margins.items():
        area = roc_auc_score(np.repeat([1, 0], [len(good), len(bad)]), np.concatenate([good, bad]))
        refused = float(np.mean(bad < np.quantile(good, PRICE)))
        print(f"{kind}: {refused:.3f} of {len(bad)} refused at {PRICE:.0%} of {len(good)}, AUROC {area:.3f}")


def _cases(raw: Any, count: int, draw: random.Random) -> Iterator[tuple[str, str, str]]:
    """Kind, question and paragraph."""
    texts = {one["id"]: one["text"] for one in raw["paragraphs"]}
    subjects = {one["id"]: one["title"] for one in raw["paragraphs"]}
    for one in draw.sample(raw["questions"], min(count, len(raw["questions"]))):
        question, own, answers = one["question"], one["paragraph"], one["answers"]
        if not answers:
            yield NOT_TOLD, question, texts[own]
            continue
        yield ANSWERED, question, texts[own]
        others = [place for place in texts if place != own and subjects[place] == subjects[own]]
        silent = [place for place in others if answers[0].lower() not in texts[place].lower()]
        if silent:
            yield SIBLING, question, texts[draw.choice(silent)]


if __name__ == "__main__":
    main()
