"""Preference pairs from what people said of answers: their correction above the answer that they rated down,
and an answer rated up above one rated down to the same question."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.citations import cite
from app.markers import MARKER
from app.prompt import Prompt
from indexes.records import Hit
from indexes.text import fold
from tuning.raft import turns


@dataclass(frozen=True, kw_only=True)
class Said:
    """An answer that somebody rated; its markers [n] number ``chunk_ids`` from 1."""

    id: str
    question: str
    answer: str
    chunk_ids: tuple[int, ...]
    up: bool
    correction: str | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Said":
        """As `GET /feedback` gives it."""
        return cls(
            id=row["id"],
            question=row["question"],
            answer=row["answer"],
            chunk_ids=tuple(row["chunk_ids"]),
            up=row["rating"] == "up",
            correction=row["correction"],
        )


@dataclass(frozen=True, kw_only=True)
class Preference:
    """``better`` and ``worse`` carry markers into the chunk ids beside them."""

    id: str  # of the feedback that says so
    question: str
    better: str
    better_ids: tuple[int, ...]
    worse: str
    worse_ids: tuple[int, ...]


def preferences(feedback: Iterable[Said]) -> Iterator[Preference]:
    """An answer rated down is used once: with its correction, else with the newest that was rated up.
    ``feedback`` oldest first."""
    every = list(feedback)
    liked = {_key(one): one for one in every if one.up}
    for one in every:
        if one.up:
            continue
        if one.correction is not None:
            better, ids = one.correction, one.chunk_ids
        elif (known := liked.get(_key(one))) is not None and fold(known.answer) != fold(one.answer):
            better, ids = known.answer, known.chunk_ids
        else:
            continue
        yield Preference(
            id=one.id,
            question=one.question,
            better=better,
            better_ids=ids,
            worse=one.answer,
            worse_ids=one.chunk_ids,
        )


def preference_row(prompt: Prompt, preference: Preference, document: str) -> dict[str, Any] | None:
    """In OpenAI's format; None where both say the same once their markers are those of the prompt."""
    better = _renumbered(preference.better, preference.better_ids, prompt.sources)
    worse = _renumbered(preference.worse, preference.worse_ids, prompt.sources)
    if prompt.sources and not MARKER.search(better):
        better = cite(better, preference.question, prompt.sources).answer
    if not better or not worse or better == worse:
        return None
    return pair_row(prompt, better, worse, document)


def pair_row(prompt: Prompt, better: str, worse: str, document: str) -> dict[str, Any]:
    return {
        "input": {"messages": turns(prompt)},
        "preferred_output": [{"role": "assistant", "content": better}],
        "non_preferred_output": [{"role": "assistant", "content": worse}],
        "document": document,
    }


def _renumbered(answer: str, chunk_ids: Sequence[int], sources: Sequence[Hit]) -> str:
    """With the numbers that the sources have in the prompt; markers of others are left out."""
    number_of = {hit.chunk_id: number for number, hit in enumerate(sources, 1)}
    numbers = {
        place: number_of[chunk_id] for place, chunk_id in enumerate(chunk_ids, 1) if chunk_id in number_of
    }

    def renumbered(marker: re.Match[str]) -> str:
        number = numbers.get(int(marker[1]))
        return f" [{number}]" if number else ""

    return MARKER.sub(renumbered, answer).strip()


def _key(one: Said) -> str:
    return " ".join(fold(one.question).split())
