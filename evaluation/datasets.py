"""The public data sets of SIMURGH_DATA: passages, and questions with what answers them."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

Part = Literal["test", "calibrate", "train"]
T = TypeVar("T")
FRACTIONS: tuple[tuple[Part, float], ...] = (("test", 0.2), ("calibrate", 0.1), ("train", 0.7))
LANGUAGES = ("fa", "zh", "en")
SETS = (*LANGUAGES, "en-zh", "zh-en", "hotpotqa")


@dataclass(frozen=True, kw_only=True)
class Passage:
    id: str
    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Question:
    id: str
    text: str
    gold: tuple[str, ...]  # ids of the passages that it is about
    answers: tuple[str, ...]  # none: those passages do not answer it
    part: Part


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """``corpus`` names the passages: sets of the same corpus share one index."""

    name: str
    corpus: str
    language: str  # of the questions
    source: str
    passages: tuple[Passage, ...]
    questions: tuple[Question, ...]

    @property
    def answerable(self) -> tuple[Question, ...]:
        return tuple(question for question in self.questions if question.answers)

    @property
    def unanswerable(self) -> tuple[Question, ...]:
        return tuple(question for question in self.questions if not question.answers)


def data_folder() -> Path:
    """Raises FileNotFoundError, saying what to set."""
    folder = Path(os.environ.get("SIMURGH_DATA") or Path(__file__).parents[1] / "shared" / "data")
    if not (folder / "qa").is_dir():
        raise FileNotFoundError(f"the data sets are not at {folder}: set SIMURGH_DATA to their folder")
    return folder


def load(folder: Path, name: str) -> DataSet:
    """One of SETS. Raises KeyError for another name."""
    if name == "hotpotqa":
        return _hotpotqa(folder)
    if name in ("en-zh", "zh-en"):
        asked, found = name.split("-")
        return _across(folder, asked, found)
    if name not in LANGUAGES:
        raise KeyError(name)
    return _qa(folder, name)


def split(titles: Mapping[str, int]) -> dict[str, Part]:
    """``titles`` with their numbers of questions -> the part of each.

    Titles go in the order of their hashes; each part is filled to its share of the questions.
    """
    total, parts = sum(titles.values()), iter(FRACTIONS)
    part, share = next(parts)
    got = 0
    found: dict[str, Part] = {}
    for title in sorted(titles, key=lambda one: hashlib.sha256(one.encode()).hexdigest()):
        if got >= share * total and part != "train":
            part, share = next(parts)
            got = 0
        found[title] = part
        got += titles[title]
    return found


def sample(questions: Sequence[T], count: int | None, *, seed: int, key: Callable[[T], str]) -> list[T]:
    """``count`` of them, the same for the same ``seed`` whatever else there is; all where it is None."""
    ordered = sorted(questions, key=lambda one: hashlib.sha256(f"{seed}:{key(one)}".encode()).hexdigest())
    return ordered if count is None else ordered[:count]


def sampled(questions: Sequence[Question], count: int | None, *, seed: int) -> list[Question]:
    return sample(questions, count, seed=seed, key=lambda question: question.id)


def _qa(folder: Path, name: str) -> DataSet:
    raw = _read(folder / "qa" / f"{name}.json")
    titles = {str(one["id"]): str(one["title"]) for one in raw["paragraphs"]}
    counts = Counter(dict.fromkeys(titles.values(), 0))
    counts.update(titles[str(one["paragraph"])] for one in raw["questions"])
    parts = split(counts)
    return DataSet(
        name=name,
        corpus=name,
        language=raw["language"],
        source=raw["source"],
        passages=tuple(
            Passage(id=str(one["id"]), title=one["title"], text=one["text"]) for one in raw["paragraphs"]
        ),
        questions=tuple(
            Question(
                id=str(one["id"]),
                text=one["question"],
                gold=(str(one["paragraph"]),),
                answers=tuple(dict.fromkeys(one["answers"])),
                part=parts[titles[str(one["paragraph"])]],
            )
            for one in raw["questions"]
        ),
    )


def _across(folder: Path, asked: str, found: str) -> DataSet:
    """Asked in one language, found in the other. Its English paragraphs are also in the English set, so a
    question belongs to the part to which its article belongs there."""
    ours, theirs = _qa(folder, f"parallel-{asked}"), _qa(folder, f"parallel-{found}")
    english = _qa(folder, "en")
    parts = {question.gold[0]: question.part for question in english.questions}
    part_of = {passage.title: parts[passage.id] for passage in english.passages if passage.id in parts}
    titles = {passage.id: passage.title for passage in _qa(folder, "parallel-en").passages}
    there = {question.id: question for question in theirs.questions}
    english_gold = {q.id: q.gold[0] for q in (ours if asked == "en" else theirs).questions}
    return replace(
        theirs,
        name=f"{asked}-{found}",
        corpus=f"parallel-{found}",
        language=asked,
        questions=tuple(
            replace(
                question,
                gold=there[question.id].gold,
                answers=there[question.id].answers,
                part=part_of[titles[english_gold[question.id]]],
            )
            for question in ours.questions
        ),
    )


def _hotpotqa(folder: Path) -> DataSet:
    corpus: dict[str, list[str]] = _read(folder / "rag" / "hotpotqa_corpus.json")
    raw = _read(folder / "rag" / "hotpotqa.json")
    return DataSet(
        name="hotpotqa",
        corpus="hotpotqa",
        language="en",
        source="HotpotQA, 100 questions",
        passages=tuple(
            Passage(id=title, title=title, text=f"{title}\n{''.join(sentences)}")
            for title, sentences in corpus.items()
        ),
        questions=tuple(
            Question(
                id=str(one.get("_id") or one.get("id") or number),
                text=one["question"],
                gold=tuple(dict.fromkeys(title for title, _ in one["supporting_facts"])),
                answers=(one["answer"],),
                part="test",
            )
            for number, one in enumerate(raw)
        ),
    )


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
