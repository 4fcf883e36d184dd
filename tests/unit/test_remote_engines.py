"""Remote generator servers: balance, failover, counts, and their errors in the domain's words."""

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from app.engine.fake import FakeGenerator
from app.engine.remote import RemoteEngines
from app.generator import GenerationRequest, LoadedAdapter, Message
from indexes.errors import EngineUnavailable, InvalidRequest, UpstreamFailed, WindowExceeded
from tests.support.openai_server import MODEL, OpenAIServer


def request(number: int = 0, adapter: LoadedAdapter | None = None) -> GenerationRequest:
    return GenerationRequest(
        request_id=str(number),
        messages=(Message(role="user", content=f"Question {number}."),),
        adapter=adapter,
    )


async def answer(engines: RemoteEngines, asked: GenerationRequest) -> str:
    return "".join([delta.text async for delta in engines.generate(asked)])


async def test_the_card_tells_model_and_window_and_the_key_is_sent() -> None:
    with OpenAIServer() as server:
        engines = RemoteEngines([server.url + "/v1/"], api_key="the-key", languages=("fa",), max_lora_rank=64)
        card = await engines.card()
        await engines.aclose()
    assert (card.id, card.window, card.languages, card.max_lora_rank) == (MODEL, 4096, ("fa",), 64)
    assert server.authorizations == ["Bearer the-key"]


async def test_requests_are_spread_over_the_replicas() -> None:
    with OpenAIServer(FakeGenerator(delay=0.01)) as one, OpenAIServer(FakeGenerator(delay=0.01)) as two:
        engines = RemoteEngines([one.url, two.url])
        await asyncio.gather(*(answer(engines, request(n)) for n in range(12)))
        await engines.aclose()
    assert {len(one.fake.requests), len(two.fake.requests)} == {6}


async def test_another_replica_takes_over_before_the_first_token() -> None:
    with OpenAIServer() as one, OpenAIServer() as two:
        engines = RemoteEngines([one.url, two.url])
        await engines.card()
        one.fake.down = True  # answers 503
        assert [await answer(engines, request(n)) for n in range(4)] == [f"Question {n}." for n in range(4)]
        two.stop()  # refuses connections
        one.fake.down = False
        assert await answer(engines, request(9)) == "Question 9."
        await engines.aclose()


async def test_with_every_replica_gone_it_says_when_to_ask_again() -> None:
    with OpenAIServer() as server:
        engines = RemoteEngines([server.url])
        await engines.card()
    with pytest.raises(EngineUnavailable) as caught:
        await answer(engines, request())
    assert caught.value.retry_after >= 1
    await engines.aclose()


async def test_a_server_that_dies_in_the_middle_is_reported_at_once() -> None:
    with OpenAIServer(FakeGenerator(lambda _: "word " * 500, delay=0.01)) as server:
        engines = RemoteEngines([server.url])
        deltas = engines.generate(request())
        await anext(deltas)
        server.fake.down = True
        with pytest.raises(EngineUnavailable):
            async for _ in deltas:
                pass
        await engines.aclose()


async def test_a_restarted_replica_gets_its_adapters_again(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    adapter = LoadedAdapter(name="voice@0123456789ab", number=1, folder=tmp_path)
    with OpenAIServer() as server:
        engines = RemoteEngines([server.url])
        await engines.load_adapter(adapter)
        server.fake.adapters.clear()
        with pytest.raises(EngineUnavailable):
            await answer(engines, request(1, adapter))
        assert (await answer(engines, request(2, adapter))).startswith("voice@0123456789ab: ")
        await engines.aclose()


async def test_tokens_are_counted_by_the_server_or_overestimated() -> None:
    with OpenAIServer() as server:
        engines = RemoteEngines([server.url])
        assert await engines.count(["one two three", ""]) == [3, 0]
        await engines.aclose()
    replies = {"/v1/models": httpx.Response(200, json={"data": [{"id": "m"}]})}
    transport = httpx.MockTransport(lambda asked: replies.get(asked.url.path, httpx.Response(404)))
    engines = RemoteEngines(["http://server"], transport=transport)
    assert await engines.count(["سلام"]) == [3]
    await engines.aclose()


@pytest.mark.parametrize(
    ("status", "error"), [(401, UpstreamFailed), (400, UpstreamFailed), (429, EngineUnavailable)]
)
async def test_errors_are_translated(status: int, error: type[Exception]) -> None:
    def reply(asked: httpx.Request) -> httpx.Response:
        if asked.url.path == "/v1/models":
            return httpx.Response(200, json={"data": [{"id": "m"}]})
        return httpx.Response(status, json={"error": {"message": "no"}}, headers={"Retry-After": "7"})

    engines = RemoteEngines(["http://server"], transport=httpx.MockTransport(reply))
    with pytest.raises(error):
        await answer(engines, request())
    await engines.aclose()


@pytest.mark.parametrize(
    ("said", "error"),
    [("The schema is not supported", InvalidRequest), ("maximum context length is 9", WindowExceeded)],
)
async def test_a_refused_schema_is_the_askers_fault(said: str, error: type[Exception]) -> None:
    transport = httpx.MockTransport(
        lambda asked: (
            httpx.Response(200, json={"data": [{"id": MODEL}]})
            if asked.url.path == "/v1/models"
            else httpx.Response(400, json={"error": {"message": said, "code": 400}})
        )
    )
    engines = RemoteEngines(["http://engine"], transport=transport)
    with pytest.raises(error, match=said):
        await answer(engines, replace(request(), schema={"type": "object"}))
    await engines.aclose()
