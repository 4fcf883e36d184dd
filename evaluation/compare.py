"""The same questions to the model alone, with retrieval, tuned, and both; and to the service as it is set."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.generator import BASE as NO_ADAPTER
from evaluation.own import Outcome, OwnQuestion, rank_of

BASE, RAG, TUNED, BOTH, SERVED = "base", "RAG", "tuned", "tuned+RAG", "as served"

IN_A_ROW = 3  # questions that fail: then it is not the questions' fault

Ask = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]  # a body of POST /ask -> its reply


@dataclass(frozen=True, kw_only=True)
class Arm:
    name: str
    about: str
    body: Mapping[str, Any]  # what it adds to the question

    @property
    def retrieves(self) -> bool:
        return bool(self.body["mode"] == "rag")


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    question: OwnQuestion
    arm: str  # that could not answer it
    why: str


@dataclass(frozen=True, kw_only=True)
class Answered:
    arm: Arm
    outcomes: tuple[Outcome, ...]  # in the order of the questions; rank: of the document among the sources

    def same_as(self, other: "Answered") -> bool:
        """Whether they said the same throughout, by the same adapter."""
        return all(
            (one.reply["answer"], one.reply["adapter"]) == (two.reply["answer"], two.reply["adapter"])
            for one, two in zip(self.outcomes, other.outcomes, strict=True)
        )


def arms(adapter: str | None) -> tuple[Arm, ...]:
    """Four, or the two without an adapter where none is named; then the service as it is set.

    The same generator writes for all four, and what it writes stays: with ``verbatim`` the reader does not
    answer in its place, and nothing that no source supports is left out of one arm and not of the other."""

    def alone(name: str, about: str, asked: str) -> Arm:
        return Arm(name=name, about=about, body={"mode": "model", "adapter": asked, "verbatim": True})

    def retrieved(name: str, about: str, asked: str) -> Arm:
        return Arm(name=name, about=about, body={"mode": "rag", "adapter": asked, "verbatim": True})

    found = [
        alone(BASE, "the generator without documents", NO_ADAPTER),
        retrieved(RAG, "the generator with what was retrieved", NO_ADAPTER),
    ]
    if adapter is not None and adapter != NO_ADAPTER:
        found += [
            alone(TUNED, f"with the adapter `{adapter}`, without documents", adapter),
            retrieved(BOTH, f"with the adapter `{adapter}` and what was retrieved", adapter),
        ]
    served = Arm(
        name=SERVED,
        about="what answers where no adapter is named: the reader, the generator or the bound adapter",
        body={"mode": "rag", "adapter": None},
    )
    return (*found, served)


async def compare(
    ask: Ask,
    questions: Sequence[OwnQuestion],
    *,
    collection: str,
    adapter: str | None,
    top_k: int,
    max_tokens: int,
    documents: Mapping[str, set[str]],
    at_once: int = 1,
    each: Callable[[], None] = lambda: None,
    failures: tuple[type[Exception], ...] = (),
) -> tuple[tuple[Answered, ...], tuple[LeftOut, ...]]:
    """``at_once`` questions at a time, each to all arms, one after the other, so that what slows the machine
    down slows all of them; every other question in the opposite order, for the one after may find a cache
    warm. ``documents``: as `own.documents` gives them. ``each`` is called after every answer. A question of
    which ``ask`` raises one of ``failures`` is left out of every arm; the last of them is raised where that
    befalls ``IN_A_ROW`` of them running, or all. Raises what else ``ask`` raises."""
    asked = arms(adapter)
    found: dict[int, dict[str, Outcome]] = {}
    left_out: dict[int, LeftOut] = {}
    running = 0  # questions in a row that failed

    async def outcome(question: OwnQuestion, arm: Arm) -> Outcome:
        scope = {"question": question.text, "collection": collection}
        reply = await ask({**scope, "top_k": top_k, "max_tokens": max_tokens, **arm.body})
        each()
        ids = [source["document_id"] for source in reply["sources"]]
        rank = None if question.document is None else rank_of(ids, documents[question.document])
        return Outcome(question=question, reply=reply, rank=rank)

    async def asked_in_turn(some: Iterator[tuple[int, OwnQuestion]]) -> None:
        nonlocal running
        for number, question in some:
            outcomes = {}
            for arm in asked if number % 2 == 0 else asked[::-1]:
                try:
                    outcomes[arm.name] = await outcome(question, arm)
                except failures as error:
                    left_out[number] = LeftOut(question=question, arm=arm.name, why=str(error))
                    running += 1
                    if running == IN_A_ROW or len(left_out) == len(questions):
                        raise
                    break
            else:
                found[number], running = outcomes, 0

    left = iter(enumerate(questions))  # shared: who is free takes the next
    askers = [asyncio.create_task(asked_in_turn(left)) for _ in range(at_once)]
    try:
        await asyncio.gather(*askers)
    finally:
        for one in askers:
            one.cancel()
    answered = [
        Answered(arm=arm, outcomes=tuple(found[number][arm.name] for number in sorted(found)))
        for arm in asked
    ]
    *measured, served = answered
    kept = measured if any(served.same_as(one) for one in measured) else answered
    return tuple(kept), tuple(left_out[number] for number in sorted(left_out))
