"""`python -m evaluation.held_out OUT`: a public question set as an owner's files.

    OUT/docs/*.txt        its paragraphs, one a file
    OUT/questions.jsonl   of articles that no training row is about, for `simurgh compare`

`python -m tuning.grounded_rows` takes its rows from other articles of the same set, so an adapter that was
trained on them is asked about what it has never seen.
"""

import argparse
from pathlib import Path

from evaluation.datasets import LANGUAGES, DataSet, data_folder, load, sampled
from evaluation.jsonl import write_rows

QUESTIONS = 200


def write(data: DataSet, folder: Path, *, answerable: int, unanswerable: int, seed: int) -> int:
    """The number of questions. Raises OSError."""
    (folder / "docs").mkdir(parents=True, exist_ok=True)
    for passage in data.passages:
        (folder / "docs" / _file(passage.id)).write_text(f"{passage.title}\n\n{passage.text}\n", "utf-8")
    kinds = ((data.answerable, answerable), (data.unanswerable, unanswerable))
    rows = [
        {
            "question": one.text,
            "answers": list(one.answers),
            **({"document": _file(one.gold[0])} if one.answers else {}),
        }
        for questions, count in kinds
        for one in sampled([one for one in questions if one.part == "test"], count, seed=seed)
    ]
    write_rows(folder / "questions.jsonl", rows)
    return len(rows)


def _file(passage: str) -> str:
    return f"{passage}.txt"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evaluation.held_out", description=__doc__)
    parser.add_argument("out", type=Path, help="a folder")
    parser.add_argument("--set", choices=LANGUAGES, default="en", help="the question set (en)")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="that have an answer (200)")
    parser.add_argument("--unanswerable", type=int, default=0, help="that have none (0)")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    data = load(data_folder(), chosen.set)
    count = write(
        data,
        chosen.out,
        answerable=chosen.questions,
        unanswerable=chosen.unanswerable,
        seed=chosen.seed,
    )
    print(f"{len(data.passages)} documents, {count} questions: {chosen.out}")  # noqa: T201  what a command says


if __name__ == "__main__":
    main()
