"""Answers through POST /ask, scored against the gold ones: before and after each step of the service."""

import asyncio
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.compose import GeneratorParts
from app.settings import Settings
from evaluation import metrics
from evaluation.datasets import DataSet, Question, sampled
from evaluation.metrics import estimate
from evaluation.report import Section, Table
from evaluation.stage import Stage
from indexes.records import Filters

AT_ONCE = 8  # questions in flight
OURS = "as it is set"


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to answer: the settings that differ, and who is asked."""

    name: str
    about: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    any_language: bool = False  # the generator is asked whatever it can write
    adapter: str | None = None

    def of(self, settings: Settings) -> Settings:
        """Raises ValueError for a setting that there is not."""
        unknown = set(self.settings) - set(Settings.model_fields)
        if unknown:
            raise ValueError(f"no such settings: {sorted(unknown)}")
        return settings.model_copy(update=dict(self.settings))

    def parts(self, parts: GeneratorParts) -> GeneratorParts:
        return replace(parts, card=replace(parts.card, languages=())) if self.any_language else parts


def ways(adapters: Sequence[str]) -> list[Way]:
    """From the bare generator to the service as it is set, then the adapters that were named."""
    return [
        Way(
            name="generator alone",
            about="the five best passages in its prompt, no gate, no reader",
            settings={
                "answer_with": "generator", "reader": "none", "min_confidence": 0.0, "min_groundedness": 0.0,
            },
            any_language=True,
            adapter="base",
        ),
        Way(
            name="with the gate",
            about="the same behind the evidence gate",
            settings={"answer_with": "generator", "min_groundedness": 0.0},
            any_language=True,
            adapter="base",
        ),
        Way(name=OURS, about="nothing changed; with the bundled models the gate, then the sources' words"),
        *(Way(name=f"adapter {one}", about="asked for by name", adapter=one) for one in adapters),
    ]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Reply:
    question: Question
    body: Mapping[str, Any]  # as POST /ask gave it

    @property
    def text(self) -> str:
        return "" if self.body["abstained"] else str(self.body["answer"])

    @property
    def f1(self) -> float:
        return metrics.f1(self.text, self.question.answers) if self.text else 0.0

    @property
    def exact(self) -> float:
        return metrics.exact(self.text, self.question.answers) if self.text else 0.0

    @property
    def chrf(self) -> float:
        return metrics.chrf(self.text, self.question.answers)

    @property
    def contains(self) -> bool:
        return metrics.contains(self.text, self.question.answers)


def chosen(data: DataSet, count: int | None, *, seed: int) -> tuple[list[Question], list[Question]]:
    """Questions of the test titles: such that have an answer, and such that have none."""
    test = [one for one in data.questions if one.part == "test"]
    yes = sampled([one for one in test if one.answers], count, seed=seed)
    no = sampled([one for one in test if not one.answers], None if count is None else count // 2, seed=seed)
    return yes, no


async def ask_all(
    stage: Stage,
    questions: Sequence[Question],
    *,
    collection: str,
    adapter: str | None,
    filters: Callable[[Question], Filters] = lambda _: {},
) -> tuple[Reply, ...]:
    """Some at once; the replies in the order of ``questions``. Raises httpx.HTTPStatusError."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(question: Question) -> Reply:
        async with free:
            body = await stage.ask(
                question.text, collection=collection, adapter=adapter, filters=filters(question)
            )
            return Reply(question=question, body=body)

    return tuple(await asyncio.gather(*(one(question) for question in questions)))


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One way on one set."""

    way: Way
    data: DataSet
    replies: tuple[Reply, ...]  # to questions that have an answer
    others: tuple[Reply, ...]  # to such that have none


def section(found: Sequence[Answered], *, seed: int) -> Section:
    sets = list(dict.fromkeys(one.data.name for one in found))
    about = "; ".join(dict.fromkeys(f"`{one.way.name}`: {one.way.about}" for one in found))
    return Section(
        title="Answers",
        text=(
            "Questions of the test titles through POST /ask over the whole index of their set, several at "
            "once, scored as SQuAD does (Chinese by character, the best of the gold answers). A question "
            "that is not answered scores 0. `contains`: the gold answer stands in the answer. `refuses "
            "rightly`: adversarial questions of the set that were refused.\n\n"
            f"Ways to answer: {about}."
        ),
        tables=tuple(_table([one for one in found if one.data.name == name], seed) for name in sets),
    )


def _table(found: Sequence[Answered], seed: int) -> Table:
    rows = []
    for one in found:
        replies, others = one.replies, one.others
        rows.append(
            (
                one.way.name,
                str(estimate([reply.exact for reply in replies], seed=seed)),
                str(estimate([reply.f1 for reply in replies], seed=seed)),
                f"{_share([reply.contains for reply in replies]):.3f}",
                f"{statistics.fmean(reply.chrf for reply in replies):.3f}",
                f"{_share([reply.body['abstained'] for reply in replies]):.3f}",
                f"{_share([reply.body['abstained'] for reply in others]):.3f}" if others else "–",
                f"{statistics.median(reply.body['timings_ms']['total'] for reply in replies):.0f}",
            )
        )
    first = found[0]
    return Table(
        title=f"{first.data.name}: {len(first.replies)} questions with an answer, {len(first.others)} not",
        header=("way", "EM", "F1", "contains", "chrF", "refuses wrongly", "refuses rightly", "ms"),
        rows=tuple(rows),
    )


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 0.0
