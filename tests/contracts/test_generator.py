"""What every generator must do: the fake, remote servers, and the real engine pass the same suite."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.engine.fake import FakeGenerator
from app.engine.remote import RemoteEngines
from app.generator import Delta, GenerationRequest, Generator, LoadedAdapter, Message
from indexes.errors import AdapterNotReady, InvalidAdapter, WindowExceeded
from tests.support.openai_server import OpenAIServer

QUESTION = "Tell me a long story about a ship, a storm and the people who lived through it. Begin now."
ids = (f"contract-{n}" for n in itertools.count())


@dataclass
class Case:
    generator: Generator
    adapters: tuple[LoadedAdapter, ...]
    voice: Callable[[LoadedAdapter], str]  # what an adapter's answer begins with
    idle: Callable[[], Awaitable[bool]]  # whether nothing is being generated


@pytest.fixture(
    params=["fake", "remote", pytest.param("engine", marks=[pytest.mark.engine, pytest.mark.timeout(900)])]
)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    if request.param == "engine":
        real = request.getfixturevalue("real_engine")
        local = real.generator()

        async def engine_idle() -> bool:
            return (await local.process.client.get("/health")).json()["running"] == 0

        yield Case(local, real.adapters, lambda adapter: adapter.name.partition("@")[0], engine_idle)
        await local.process.stop()
        return
    adapters = tuple(_adapter(tmp_path, name, number) for number, name in enumerate(("one", "two"), 1))
    fake = FakeGenerator(lambda asked: "Once upon a time there was a ship. " * 50, delay=0.001)

    async def idle() -> bool:
        return fake.running == 0

    if request.param == "fake":
        yield Case(fake, adapters, lambda adapter: adapter.name, idle)
        return
    with OpenAIServer(fake) as server:
        remote = RemoteEngines([server.url])
        yield Case(remote, adapters, lambda adapter: adapter.name, idle)
        await remote.aclose()


def _adapter(folder: Path, name: str, number: int) -> LoadedAdapter:
    (folder / name).mkdir()
    (folder / name / "adapter_config.json").write_text("{}")
    return LoadedAdapter(name=f"{name}@0123456789ab", number=number, folder=folder / name)


def ask(
    text: str = QUESTION,
    *,
    adapter: LoadedAdapter | None = None,
    max_tokens: int = 24,
    stop: tuple[str, ...] = (),
    schema: dict[str, Any] | None = None,
) -> GenerationRequest:
    return GenerationRequest(
        request_id=next(ids),
        messages=(Message(role="user", content=text),),
        adapter=adapter,
        max_tokens=max_tokens,
        stop=stop,
        schema=schema,
    )


async def answer(generator: Generator, request: GenerationRequest) -> list[Delta]:
    return [delta async for delta in generator.generate(request)]


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


async def test_counts_are_totals_and_the_last_delta_says_why_it_ended(case: Case) -> None:
    deltas = await answer(case.generator, ask(max_tokens=8))
    assert text_of(deltas).strip()
    assert deltas[-1].finish_reason == "length"
    assert deltas[-1].completion_tokens == 8
    assert all(delta.finish_reason is None for delta in deltas[:-1])
    totals = [delta.completion_tokens for delta in deltas]
    assert totals == sorted(totals)
    assert {delta.prompt_tokens for delta in deltas} == {deltas[0].prompt_tokens}
    assert deltas[0].prompt_tokens > 10


async def test_streams_more_than_one_piece(case: Case) -> None:
    assert len([d for d in await answer(case.generator, ask(max_tokens=16)) if d.text]) > 3


async def test_temperature_zero_repeats_itself(case: Case) -> None:
    first, second = await answer(case.generator, ask()), await answer(case.generator, ask())
    assert text_of(first) == text_of(second)


async def test_a_stop_string_ends_the_answer_and_is_not_in_it(case: Case) -> None:
    whole = text_of(await answer(case.generator, ask()))
    stop = whole.split()[4]
    deltas = await answer(case.generator, ask(stop=(stop,)))
    assert stop not in text_of(deltas)
    assert whole.startswith(text_of(deltas))
    assert deltas[-1].finish_reason == "stop"


SHIP = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["ship", "storm"]},
        "crew": {"type": "array", "items": {"enum": ["cook", "pilot"]}, "minItems": 2, "maxItems": 3},
        "sunk": {"type": "boolean"},
    },
    "required": ["kind", "crew", "sunk"],
    "additionalProperties": False,
}


async def test_an_answer_follows_its_schema_beside_others_that_have_none(case: Case) -> None:
    asked = [ask(max_tokens=200, schema=SHIP), ask(), ask(max_tokens=200, schema=SHIP)]
    first, free, second = await asyncio.gather(*(answer(case.generator, one) for one in asked))
    for deltas in (first, second):
        said = json.loads(text_of(deltas))
        assert deltas[-1].finish_reason == "stop"
        assert sorted(said) == ["crew", "kind", "sunk"]
        assert said["kind"] in ("ship", "storm")
        assert 2 <= len(said["crew"]) <= 3
        assert set(said["crew"]) <= {"cook", "pilot"}
        assert isinstance(said["sunk"], bool)
    assert text_of(free).strip()
    assert not text_of(free).startswith("{")


async def test_each_adapter_speaks_with_its_own_voice(case: Case) -> None:
    for adapter in (*case.adapters, case.adapters[0]):  # the same one twice: idempotent
        await case.generator.load_adapter(adapter)
    asked = [None, *case.adapters] * 3
    answers = await asyncio.gather(*(answer(case.generator, ask(adapter=adapter)) for adapter in asked))
    for adapter, deltas in zip(asked, answers, strict=True):
        spoken = {a.name for a in case.adapters if text_of(deltas).strip().startswith(case.voice(a))}
        assert spoken == ({adapter.name} if adapter else set())


async def test_an_unknown_adapter_is_refused_and_harms_nobody(case: Case, tmp_path: Path) -> None:
    unknown = LoadedAdapter(name="unknown@0123456789ab", number=99, folder=tmp_path)
    with pytest.raises(AdapterNotReady):
        await answer(case.generator, ask(adapter=unknown))
    assert await answer(case.generator, ask(max_tokens=2))


async def test_a_broken_adapter_is_refused_and_harms_nobody(case: Case, tmp_path: Path) -> None:
    broken = LoadedAdapter(name="broken@0123456789ab", number=98, folder=tmp_path / "absent")
    with pytest.raises(InvalidAdapter):
        await case.generator.load_adapter(broken)
    with pytest.raises(AdapterNotReady):
        await answer(case.generator, ask(adapter=broken))
    assert await answer(case.generator, ask(max_tokens=2))


async def test_a_prompt_beyond_the_window_is_refused(case: Case) -> None:
    with pytest.raises(WindowExceeded):
        await answer(case.generator, ask("too long " * 5000))


async def test_closing_the_iterator_aborts(case: Case) -> None:
    async with aclosing(case.generator.generate(ask(max_tokens=3000))) as deltas:  # type: ignore[type-var]
        async for _ in deltas:
            break
    for _ in range(50):
        if await case.idle():
            return
        await asyncio.sleep(0.1)
    pytest.fail("it went on generating")
