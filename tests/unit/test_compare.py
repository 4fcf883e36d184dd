"""The arms side by side: what each is asked, what is measured of them, and what is written of it."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evaluation.arm_figures import Measured, measured
from evaluation.compare import BASE, BOTH, RAG, SERVED, TUNED, Answered, Ask, LeftOut, arms, compare
from evaluation.compare_report import Comparison, Training, as_json, compared, report
from evaluation.own import OwnQuestion
from evaluation.recommend import Owner
from indexes.errors import Unavailable

RIGHT, WRONG, REFUSAL = "At nine.", "In the blue house by the sea.", "I do not know."


def question(number: int, *answers: str, known: bool = True, document: str | None = None) -> OwnQuestion:
    return OwnQuestion(
        line=number, text=f"Question {number}?", answers=answers if known else None, document=document
    )


QUESTIONS = (
    question(1, "at nine", "9", document="hours.txt"),
    question(2, "at nine", document="hours.txt"),
    question(3),
    question(4, known=False),
)
DOCUMENTS = {"hours.txt": {"d1"}}


class FakeAsk:
    """Knows only what it retrieves; the adapter knows the first question by heart, and how to refuse."""

    def __init__(self, *, served: str = "reader") -> None:
        self.bodies: list[Mapping[str, Any]] = []
        self._served = served

    async def __call__(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self.bodies.append(body)
        rag, number = body["mode"] == "rag", int(body["question"].split()[1][:-1])
        tuned = body["adapter"] == "voice"
        own_words = body["adapter"] is None and self._served == "reader"
        said = RIGHT if rag or (tuned and number == 1) else WRONG
        if number == 3:
            said = REFUSAL if tuned else WRONG
        return {
            "answer": f"Quoted: {said}" if own_words else f"{said} [1]" if rag else said,
            "abstained": False,
            "sources": [{"document_id": "d2"}, {"document_id": "d1"}] if rag else [],
            "citations": [{}] if rag else [],
            "groundedness": 0.8 if rag else None,
            "adapter": {"name": "voice"} if tuned else None,
            "model": "extractive" if own_words else "tiny",
            "usage": {"prompt_tokens": 100 if rag else 10, "completion_tokens": 4},
            "timings_ms": {"first_token": 5.0, "total": 20.0 if rag else 10.0},
        }


async def answered(ask: Ask, adapter: str | None = "voice", at_once: int = 1) -> tuple[Answered, ...]:
    found, left_out = await asked(ask, adapter, at_once)
    assert left_out == ()
    return found


async def asked(
    ask: Ask, adapter: str | None = "voice", at_once: int = 1, *, failures: tuple[type[Exception], ...] = ()
) -> tuple[tuple[Answered, ...], tuple[LeftOut, ...]]:
    return await compare(
        ask,
        QUESTIONS,
        collection="desk",
        adapter=adapter,
        top_k=3,
        max_tokens=32,
        documents=DOCUMENTS,
        at_once=at_once,
        failures=failures,
    )


@pytest.mark.parametrize("adapter", [None, "base"])
def test_without_an_adapter_there_are_two_arms_and_the_service(adapter: str | None) -> None:
    assert [arm.name for arm in arms(adapter)] == [BASE, RAG, SERVED]


async def test_each_arm_is_asked_as_it_is_to_be() -> None:
    ask = FakeAsk()
    await answered(ask)
    asked = {(one["mode"], one["adapter"], one.get("verbatim", False)) for one in ask.bodies}
    assert asked == {
        ("model", "base", True),
        ("rag", "base", True),
        ("model", "voice", True),
        ("rag", "voice", True),
        ("rag", None, False),
    }
    assert len(ask.bodies) == 5 * len(QUESTIONS)
    assert all((one["collection"], one["top_k"], one["max_tokens"]) == ("desk", 3, 32) for one in ask.bodies)
    first, second = ask.bodies[:5], ask.bodies[5:10]
    assert [one["adapter"] for one in first] == [one["adapter"] for one in reversed(second)]


async def test_some_at_once_give_the_same() -> None:
    going = most = 0

    async def ask(body: Mapping[str, Any]) -> Mapping[str, Any]:
        nonlocal going, most
        going, most = going + 1, max(most, going + 1)
        await asyncio.sleep(0.001)
        going -= 1
        return await alone(body)

    alone = FakeAsk()
    assert await answered(ask, at_once=2) == await answered(FakeAsk())
    assert most == 2


async def test_one_that_fails_ends_the_others() -> None:
    asked = 0

    async def ask(_: Mapping[str, Any]) -> Mapping[str, Any]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.001 * asked)
        raise Unavailable("the engine is gone")

    with pytest.raises(Unavailable):
        await answered(ask, at_once=2)
    before = asked
    await asyncio.sleep(0.02)
    assert asked == before == 2


def nothing_known(found: tuple[Answered, ...], left_out: tuple[LeftOut, ...] = ()) -> Comparison:
    """Neither of the owner, nor of memory and training."""
    return compared(
        found,
        collection="desk",
        adapter="voice",
        top_k=3,
        owner=Owner(),
        memory_bytes=None,
        training=None,
        left_out=left_out,
    )


class Failing(FakeAsk):
    """Cannot answer some of the questions, by their numbers, with what they retrieve."""

    def __init__(self, *numbers: int) -> None:
        super().__init__()
        self._numbers = numbers

    async def __call__(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        if body["mode"] == "rag" and int(body["question"].split()[1][:-1]) in self._numbers:
            raise Unavailable("it took too long")
        return await super().__call__(body)


@pytest.mark.parametrize("at_once", [1, 2])
async def test_a_question_that_cannot_be_answered_is_left_out_of_every_arm(at_once: int) -> None:
    found, left_out = await asked(Failing(2), at_once=at_once, failures=(Unavailable,))
    assert [one.question.line for one in left_out] == [2]
    assert left_out[0].why == "it took too long"
    assert left_out[0].arm in (RAG, BOTH, SERVED)
    assert {tuple(one.question.line for one in each.outcomes) for each in found} == {(1, 3, 4)}
    told = nothing_known(found, left_out)
    assert as_json(told)["left_out"] == [
        {"question": "Question 2?", "arm": left_out[0].arm, "why": "it took too long"}
    ]
    assert told.questions == 3
    assert "it took too long" in report(told).markdown()


@pytest.mark.parametrize("numbers", [(1, 2, 3), (2, 3, 4), (1, 2, 3, 4)])
async def test_where_one_after_the_other_fails_it_ends(numbers: tuple[int, ...]) -> None:
    with pytest.raises(Unavailable):
        await asked(Failing(*numbers), failures=(Unavailable,))


async def test_two_in_a_row_and_one_later_do_not_end_it() -> None:
    _, left_out = await asked(Failing(1, 2, 4), failures=(Unavailable,))
    assert [one.question.line for one in left_out] == [1, 2, 4]


async def test_the_service_as_it_is_set_is_left_out_where_it_says_the_same() -> None:
    assert [one.arm.name for one in await answered(FakeAsk())] == [BASE, RAG, TUNED, BOTH, SERVED]
    same = await answered(FakeAsk(served="generator"))
    assert [one.arm.name for one in same] == [BASE, RAG, TUNED, BOTH]


async def figures() -> Measured:
    return measured(await answered(FakeAsk()))


async def test_what_is_measured_of_an_arm() -> None:
    found = await figures()
    base, rag, tuned, both = (found.arm(name) for name in (BASE, RAG, TUNED, BOTH))
    assert base
    assert rag
    assert tuned
    assert both
    assert [one.f1.mean for one in (base, rag, tuned, both)] == [0.0, 1.0, 0.5, 1.0]
    assert [one.f1.count for one in (base, rag)] == [2, 2]  # those that have an answer
    assert [one.score.mean for one in (base, rag, tuned, both)] == pytest.approx([0, 2 / 3, 2 / 3, 1])
    assert [one.wrong.mean for one in (base, rag, tuned, both)] == pytest.approx([1, 1 / 3, 1 / 3, 0])
    assert [one.refused_rightly.mean for one in (rag, both)] == [0.0, 1.0]
    assert (base.found.count, rag.found.mean) == (0, 1.0)
    assert (base.groundedness.count, rag.groundedness.mean, rag.cited.mean) == (0, pytest.approx(0.8), 1.0)
    assert both.groundedness.count == 3  # a refusal claims nothing
    assert (rag.prompt_tokens, base.prompt_tokens, rag.p50_ms, rag.p95_ms) == (100.0, 10.0, 20.0, 20.0)
    assert (base.adapter, both.adapter) == (None, "voice")


async def test_differences_are_of_the_same_questions_and_turn_round() -> None:
    found = await figures()
    assert len(found.differences) == 10
    apart = found.score(BOTH, BASE)
    assert (apart.mean, apart.low, apart.high) == (1.0, 1.0, 1.0)
    turned = found.score(BASE, BOTH)
    assert (turned.mean, turned.low, turned.high) == (-1.0, -1.0, -1.0)
    with pytest.raises(KeyError):
        found.score(BASE, "another")


async def test_the_report_and_its_json(tmp_path: Path) -> None:
    found = compared(
        await answered(FakeAsk()),
        collection="desk",
        adapter="voice",
        top_k=3,
        owner=Owner(changes="daily"),
        memory_bytes=3 << 20,
        training=Training(seconds=61.0, device="cpu", parameters=1234),
    )
    told = json.loads(json.dumps(as_json(found), allow_nan=False))
    assert [arm["name"] for arm in told["arms"]] == [BASE, RAG, TUNED, BOTH, SERVED]
    assert told["rows"][0]["arms"][TUNED]["score"] == 1.0
    assert told["rows"][3]["arms"][TUNED]["score"] is None
    assert told["recommendation"]["sure"] is False
    assert any("only 3 questions" in one for one in told["recommendation"]["thin"])
    assert told["training"] == {"seconds": 61.0, "device": "cpu", "parameters": 1234}
    markdown, html = report(found).write(tmp_path, "comparison")
    text = markdown.read_text("utf-8")
    assert "Question 1?" in text
    assert "too thin" in text
    assert "3 MiB of memory" in text
    assert "trained in 61 s" in text
    assert html.read_text("utf-8").count("<svg") == 3


async def test_what_is_not_known_is_said_to_be_so() -> None:
    text = report(nothing_known(await answered(FakeAsk()))).markdown()
    assert "Memory of the service is not known." in text
    assert "training cost is not known" in text
