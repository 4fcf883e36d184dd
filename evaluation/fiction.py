"""`python -m evaluation.fiction OUT`: documents about what does not exist: no model can know it.

    OUT/docs/*.txt        sixty documents of six kinds
    OUT/questions.jsonl   held-out questions, for `simurgh compare`; some that no document answers
    OUT/train.jsonl       the same facts and others, asked in other words, for `simurgh tune train`
    OUT/validation.jsonl  facts that are trained too, again in other words, for its `--validation`

It tells learning by heart from reading: what was trained on ``train.jsonl`` has seen every fact that is asked
about, but never the question. The words are in ``fiction.toml``; the same seed makes the same files.
"""

import argparse
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from evaluation.jsonl import write_rows

T = TypeVar("T")
WORDS = Path(__file__).with_name("fiction.toml")
SEED = 5
A_KIND = 10  # documents
TOLD = 4  # facts that a document states; its kind has one more
ASKED = 2  # of them in the held-out questions
UNTOLD_EVERY = 3  # documents there is a question about the fact that is not stated
DRAWN = re.compile(r"\{(\w+|\d+\.\.\d+)\}")


@dataclass(frozen=True, kw_only=True)
class Document:
    name: str  # of its file
    text: str


@dataclass(frozen=True, kw_only=True)
class Fiction:
    """``questions`` as `simurgh compare` reads them; ``train`` and ``validation``: prompt and completion."""

    documents: tuple[Document, ...]
    questions: tuple[Mapping[str, Any], ...]
    train: tuple[Mapping[str, str], ...]
    validation: tuple[Mapping[str, str], ...]


class Draw:
    """Chance with a seed. A person, a place and a thing's name are never drawn twice."""

    def __init__(self, words: Mapping[str, Sequence[str]], seed: int) -> None:
        self._words = words
        self._chance = np.random.default_rng(seed)
        self._taken: set[str] = set()

    def one(self, among: Sequence[T]) -> T:
        return among[int(self._chance.integers(len(among)))]

    def shuffled(self, some: Sequence[T]) -> list[T]:
        return [some[int(at)] for at in self._chance.permutation(len(some))]

    def filled(self, template: str) -> str:
        """With something drawn for each of its gaps."""
        return DRAWN.sub(lambda gap: self._drawn(gap[1]), template)

    def new(self, template: str) -> str:
        while (found := self.filled(template)) in self._taken:
            pass
        self._taken.add(found)
        return found

    def _drawn(self, what: str) -> str:
        low, between, high = what.partition("..")
        if between:
            return str(self._chance.integers(int(low), int(high) + 1))
        match what:
            case "made":
                return self.filled("{head}{middle}{tail}")
            case "place":
                return self.new("{made}")
            case "person":
                return self.new("{first} {made}")
        return self.one(self._words[what])


def fiction(*, seed: int = SEED) -> Fiction:
    table = tomllib.loads(WORDS.read_text("utf-8"))
    draw = Draw(table["words"], seed)
    documents, questions, train, validation = [], list[Mapping[str, Any]](), [], []
    for kind in table["kinds"].values():
        for _ in range(A_KIND):
            name, facts = _capital(draw.new(kind["name"])), draw.shuffled(list(kind["facts"].values()))
            told = [(fact, draw.filled(fact["value"])) for fact in facts[:TOLD]]
            document = Document(
                name=f"{'-'.join(name.lower().split())}.txt", text=_text(kind, name, told, draw)
            )
            documents.append(document)
            for fact, value in told[:ASKED]:
                *taught, held_out = _asked(fact, name)
                train += [_row(question, value) for question in taught]
                questions.append({"question": held_out, "answers": [value], "document": document.name})
            for fact, value in told[ASKED:]:
                train.append(_row(_asked(fact, name)[0], value))
            fact, value = told[-1]
            validation.append(_row(_asked(fact, name)[-1], value))
            if len(documents) % UNTOLD_EVERY == 0:
                questions.append({"question": _asked(facts[TOLD], name)[-1], "answers": []})
    return Fiction(
        documents=tuple(documents),
        questions=tuple(questions),
        train=tuple(train),
        validation=tuple(validation),
    )


def write(made: Fiction, folder: Path) -> None:
    """Raises OSError."""
    (folder / "docs").mkdir(parents=True, exist_ok=True)
    for document in made.documents:
        (folder / "docs" / document.name).write_text(document.text, "utf-8")
    parts = {"questions": made.questions, "train": made.train, "validation": made.validation}
    for name, rows in parts.items():
        write_rows(folder / f"{name}.jsonl", rows)


def _text(
    kind: Mapping[str, Any], name: str, told: Sequence[tuple[Mapping[str, Any], str]], draw: Draw
) -> str:
    """Title, what it is, then the facts among sentences that tell nothing anybody asks about."""

    def said(template: str, value: str = "") -> str:
        return template.format(
            name=name, value=value, other=draw.new("{made}") if "{other}" in template else ""
        )

    facts = [said(draw.one(fact["sentences"]), value) for fact, value in told]
    sentences = draw.shuffled([*facts, *(said(draw.one(lines)) for lines in kind["fillers"])])
    opening, middle = said(draw.one(kind["openings"])), len(sentences) // 2
    first, second = " ".join([opening, *sentences[:middle]]), " ".join(sentences[middle:])
    return "\n\n".join((said(kind["title"]), first, second)) + "\n"


def _asked(fact: Mapping[str, Any], name: str) -> list[str]:
    """The last of them is the one held out."""
    return [question.format(name=name) for question in fact["questions"]]


def _row(question: str, answer: str) -> dict[str, str]:
    return {"prompt": question, "completion": answer}


def _capital(name: str) -> str:
    """Of a name its words, but for the small ones."""
    return " ".join(word if word == "of" else word[0].upper() + word[1:] for word in name.split())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evaluation.fiction", description=__doc__)
    parser.add_argument("out", type=Path, help="a folder")
    parser.add_argument("--seed", type=int, default=SEED)
    chosen = parser.parse_args()
    made = fiction(seed=chosen.seed)
    write(made, chosen.out)
    counts = {"documents": made.documents, "questions": made.questions, "rows to train on": made.train}
    told = ", ".join(f"{len(some)} {name}" for name, some in counts.items())
    print(f"{told}, {len(made.validation)} to validate with: {chosen.out}")  # noqa: T201  what a command says


if __name__ == "__main__":
    main()
