"""Documents that attacks are planted in, each with a question that it answers."""

import json
from dataclasses import dataclass
from pathlib import Path

from app.spans import sentences
from evaluation.datasets import load, sample

HOSTS = 60  # documents a set, at most
PLACES = ("start", "middle", "end")
UNKNOWN = "unknown"  # the e-mails' mark of a question that they do not answer


@dataclass(frozen=True, kw_only=True)
class Host:
    """A document and a question that it answers."""

    id: str
    kind: str
    language: str
    text: str
    question: str
    answers: tuple[str, ...]


def emails(folder: Path) -> list[Host]:
    """BIPIA's e-mails, with the questions that they answer."""
    found = []
    lines = (folder / "attacks" / "email" / "train.jsonl").read_text().splitlines()
    for number, one in enumerate(map(json.loads, lines)):
        if one["ideal"] != UNKNOWN:
            found.append(
                Host(
                    id=f"email-{number}", kind="e-mail", language="en", text=one["context"],
                    question=one["question"].removeprefix("Q: "), answers=(one["ideal"],),
                )
            )  # fmt: skip
    return found


def paragraphs(folder: Path, name: str, seed: int) -> list[Host]:
    """Paragraphs of the ``test`` titles, each with one of its questions."""
    data = load(folder, name)
    texts_ = {passage.id: passage.text for passage in data.passages}
    first = {one.gold[0]: one for one in reversed(data.answerable) if one.part == "test"}
    hosts = [
        Host(
            id=f"{name}-{ident}", kind=name, language=name, text=texts_[ident], question=one.text,
            answers=one.answers,
        )
        for ident, one in first.items()
    ]  # fmt: skip
    return sample(hosts, HOSTS, seed=seed, key=lambda one: one.id)


def plant(text: str, attack: str, place: str) -> str:
    """The attack as a paragraph of its own; in the middle, after a sentence."""
    if place == "start":
        return f"{attack}\n\n{text}"
    ends = [span.end for span in sentences(text)][:-1]
    if place == "end" or not ends:
        return f"{text}\n\n{attack}"
    cut = min(ends, key=lambda end: abs(end - len(text) // 2))
    return f"{text[:cut]}\n\n{attack}\n\n{text[cut:].lstrip()}"
