"""`python -m tuning.judge_reader NAME ENCODER`: how well a reader knows what a paragraph does not answer.

On the texts of our own that no reader is trained on: how many questions are refused over a paragraph that
does not answer them, where a tenth of those that it does answer are. On two cores four minutes.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.reader.span_reader import FIRST, PAD, SEPARATOR
from tuning.own_texts import HELD, own_texts
from tuning.reader_recipes import RECIPES
from tuning.reader_rows import QUESTION_TOKENS
from tuning.train_reader import BATCH, load

PRICE = 0.1  # share of the answered that may be refused
LONGEST = 30  # tokens of an answer
ANSWERED, SIBLING, NOT_TOLD = "answered", "another paragraph of its subject", "written to deceive"


def main() -> None:
    from sklearn.metrics import roc_auc_score

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("encoder", type=Path, help="the folder that transformers loads it from")
    parser.add_argument("--weights", type=Path, help="a folder, instead of the bundle")
    parser.add_argument("--language", default="en")
    parser.add_argument("--count", type=int, default=900)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    recipe = RECIPES[asked.name]
    model, encode = load(recipe, asked.encoder, asked.weights or recipe.trained.folder)
    cases = list(_cases(asked.language, asked.count, random.Random(asked.seed)))
    margins = _margins(model.eval(), [(encode(question)[0], encode(text)[0]) for _, question, text in cases])
    kinds = np.array([kind for kind, _, _ in cases])
    good = margins[kinds == ANSWERED]
    for kind in (SIBLING, NOT_TOLD):
        bad = margins[kinds == kind]
        area = roc_auc_score(np.repeat([1, 0], [len(good), len(bad)]), np.concatenate([good, bad]))
        refused = float(np.mean(bad < np.quantile(good, PRICE)))
        print(f"{kind}: {refused:.3f} of {len(bad)} refused at {PRICE:.0%} of {len(good)}, AUROC {area:.3f}")


def _cases(language: str, count: int, draw: random.Random) -> Iterator[tuple[str, str, str]]:
    """Kind, question and paragraph."""
    raw = own_texts(language, HELD)
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


def _margins(model: Any, cases: Sequence[tuple[list[int], list[int]]]) -> np.ndarray:
    """By how much the best span outdoes "not here", for each question and passage (token ids)."""
    import torch

    rows = [
        ([FIRST, *question[:QUESTION_TOKENS], SEPARATOR, SEPARATOR], passage) for question, passage in cases
    ]
    order = sorted(range(len(rows)), key=lambda at: len(rows[at][1]))  # similar lengths together
    found = np.zeros(len(rows))
    for at in range(0, len(order), BATCH):
        some = order[at : at + BATCH]
        ids = [torch.tensor([*rows[number][0], *rows[number][1], SEPARATOR]) for number in some]
        padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=PAD)
        with torch.no_grad():
            logits = model(padded, (padded != PAD).long()).float().numpy()
        for number, scores in zip(some, logits, strict=True):
            begin = len(rows[number][0])
            starts, ends = scores[begin : begin + len(rows[number][1])].T
            best = max(start + ends[first : first + LONGEST].max() for first, start in enumerate(starts))
            found[number] = best - scores[0].sum()
    return found


if __name__ == "__main__":
    main()
