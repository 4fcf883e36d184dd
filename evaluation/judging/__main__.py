"""`python -m evaluation.judging ANSWERS.jsonl`: score two systems' answers to the same questions.

A line is `{"question": "…", "gold": "…", "base": "…", "tuned": "…"}`; a training leaves such a file behind.
"""

import argparse
from functools import partial
from pathlib import Path

from pydantic import TypeAdapter

from app import models
from app.settings import Settings
from evaluation.judging.local_rater import LocalRater
from evaluation.judging.ratings import Rater
from evaluation.judging.rows import read
from evaluation.judging.scores import SEED, Scores, judged
from evaluation.judging.section import section
from evaluation.report import Report, surroundings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evaluation.judging", description=__doc__)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--out", type=Path, default=Path("."), help="where the report goes")
    parser.add_argument("--judge", type=Path, help="folder of a causal language model that rates (G-Eval)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the bootstrap")
    asked = parser.parse_args()
    try:
        rows = read(asked.answers)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if not rows:
        parser.error(f"{asked.answers} holds no answers")
    embedder = partial(models.build_embedder, Settings())
    rater = None if asked.judge is None else _rater(asked.judge)
    found = judged(rows, embedder=embedder, rater=rater, seed=asked.seed)
    report = Report(
        title="Answers of two systems",
        facts=surroundings(answers=asked.answers.name, seed=str(asked.seed)),
        sections=(section(found, rows),),
    )
    for path in report.write(asked.out, "scores"):
        print(path)  # noqa: T201
    (asked.out / "scores.json").write_bytes(TypeAdapter(Scores).dump_json(found, indent=2))


def _rater(folder: Path) -> Rater:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return LocalRater(AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder))


if __name__ == "__main__":
    main()
