"""RGB (Chen et al. 2024): questions with passages that a search engine found, right, wrong and beside it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.datasets import Passage

FILES = {"zh": "robustness-zh_refine", "en": "robustness-en_fact"}
SHOWN = 5  # passages a question
FIELD = "asked"  # metadata field that ties a passage to its questions


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question over passages of its own; ``scope`` is what to filter FIELD by."""

    id: str
    scope: str
    text: str
    answers: tuple[str, ...]  # empty where the passages are noise only
    fake: str | None  # what the altered passages say
    passages: tuple[Passage, ...]


def noise_only(folder: Path, language: str) -> list[Asked]:
    """Nothing that is shown answers."""
    return [
        _asked(one, f"noise-{language}", negatives=SHOWN, positives=0)
        for one in _lines(folder, FILES[language])
        if len(one["negative"]) >= SHOWN
    ]


def noisy(folder: Path, language: str, *, share: float) -> list[Asked]:
    """``share`` of the passages shown is noise, at least one answers."""
    negatives = min(SHOWN - 1, round(share * SHOWN))
    return [
        _asked(one, f"noise{round(share * 100)}-{language}", negatives=negatives, positives=SHOWN - negatives)
        for one in _lines(folder, FILES[language])
        if len(one["negative"]) >= negatives and one["positive"]
    ]


def _asked(one: dict[str, Any], prefix: str, *, negatives: int, positives: int) -> Asked:
    shown = [*one["positive"][:positives], *one["negative"][:negatives]]
    scope = f"{prefix}-{one['id']}"
    answers = one["answer"] if isinstance(one["answer"], list) else [one["answer"]]
    return Asked(
        id=str(one["id"]),
        scope=scope,
        text=one["query"],
        answers=tuple(_flat(answers)) if positives else (),
        fake=one.get("fakeanswer"),
        passages=tuple(
            Passage(id=f"{scope}-{number}", title=scope, text=text) for number, text in enumerate(shown)
        ),
    )


def _flat(answers: Sequence[Any]) -> list[str]:
    """Some answers are lists of ways to say one thing."""
    found: list[str] = []
    for one in answers:
        found += _flat(one) if isinstance(one, list) else [str(one)]
    return found


def _lines(folder: Path, name: str) -> list[dict[str, Any]]:
    path = folder / "rag" / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
