"""Answers among noise (RGB): one passage that answers beside four that do not."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation import rgb
from evaluation.answers import Reply, Way, ask_all
from evaluation.datasets import Question, sample
from evaluation.metrics import estimate
from evaluation.report import Section, Table
from evaluation.rgb import Asked
from evaluation.stage import Stage

NOISE = 0.8


@dataclass(frozen=True, kw_only=True)
class Noisy:
    language: str
    way: Way
    replies: tuple[Reply, ...]


async def measure(
    stage: Stage, folder: Path, language: str, way: Way, *, count: int | None, seed: int
) -> Noisy:
    """Each question is asked over its own passages only."""
    asked = sample(rgb.noisy(folder, language, share=NOISE), count, seed=seed, key=lambda one: one.id)
    name = f"rgb-noisy-{language}"
    await asyncio.to_thread(
        stage.ingest,
        name,
        [passage for one in asked for passage in one.passages],
        metadata=lambda passage: {rgb.FIELD: passage.title},
    )
    replies = await ask_all(
        stage,
        [_question(one) for one in asked],
        collection=name,
        adapter=way.adapter,
        filters=lambda question: {f"metadata.{rgb.FIELD}": [question.id]},
    )
    return Noisy(language=language, way=way, replies=replies)


def section(found: Sequence[Noisy], *, seed: int) -> Section:
    rows = tuple(
        (
            f"{one.language}, {one.way.name}",
            str(len(one.replies)),
            str(estimate([float(reply.contains) for reply in one.replies], seed=seed)),
            str(estimate([float(reply.body["abstained"]) for reply in one.replies], seed=seed)),
        )
        for one in found
    )
    return Section(
        title="Answers among noise",
        text=(
            f"RGB: each question is asked over five passages from a search engine, {NOISE:.0%} of which do "
            "not answer it. Right means, as there, that the answer contains the gold one."
        ),
        tables=(
            Table(title=f"Noise {NOISE:.0%}", header=("way", "questions", "right", "refused"), rows=rows),
        ),
    )


def _question(one: Asked) -> Question:
    return Question(
        id=one.scope,
        text=one.text,
        gold=tuple(passage.id for passage in one.passages),
        answers=one.answers,
        part="test",
    )
