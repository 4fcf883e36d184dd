"""A client that leaves stops its generation, streamed or whole."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api import ScriptedGenerator, Server, make_settings, served
from tests.support.waiting import until
from tests.support.worker import Worker

QUESTION = "When does the ferry leave?"


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, empty_database: Path, worker: Worker) -> Iterator[Server]:
    """Its generator needs about a minute for an answer."""
    generator = ScriptedGenerator(delay=0.05)
    generator.script = lambda _request: " ".join(f"word{number}" for number in range(1000))
    settings = make_settings(tmp_path_factory.mktemp("slow"), empty_database)
    with served(settings, worker, generator) as made:
        made.ingest("The ferry leaves at noon.")
        yield made


BODIES: list[tuple[str, dict[str, Any]]] = [
    ("/ask", {"question": QUESTION}),
    ("/ask", {"question": QUESTION, "mode": "model"}),
    ("/v1/chat/completions", {"model": "simurgh", "messages": [{"role": "user", "content": QUESTION}]}),
]


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_a_whole_answer_is_given_up(slow: Server, path: str, body: dict[str, Any]) -> None:
    aborted = len(slow.generator.aborted)
    with pytest.raises(httpx.ReadTimeout):
        slow.http.post(path, json=body, timeout=0.4)
    until(lambda: len(slow.generator.aborted) == aborted + 1)
    assert slow.generator.running == 0


def test_a_comparison_is_given_up(slow: Server) -> None:
    aborted, asked = len(slow.generator.aborted), len(slow.generator.requests)
    with pytest.raises(httpx.ReadTimeout):
        slow.http.post("/compare", json={"questions": [{"question": QUESTION}] * 3}, timeout=0.4)
    until(lambda: len(slow.generator.aborted) == aborted + 1)
    assert slow.generator.running == 0
    assert len(slow.generator.requests) == asked + 1  # the other questions are not asked


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_a_stream_is_given_up(slow: Server, path: str, body: dict[str, Any]) -> None:
    aborted = len(slow.generator.aborted)
    with slow.http.stream("POST", path, json={**body, "stream": True}) as answer:
        lines = answer.iter_lines()  # closing it would close the connection
        assert any("word1" in line for line in lines)
        assert slow.generator.running == 1
    until(lambda: len(slow.generator.aborted) == aborted + 1)
    assert slow.generator.running == 0


def test_many_that_leave_at_any_time(slow: Server) -> None:
    async def leave(client: httpx.AsyncClient, after: float, *, stream: bool) -> None:
        body = {"question": QUESTION, "stream": stream, "mode": "rag" if stream else "model"}
        with contextlib.suppress(httpx.TimeoutException, TimeoutError):
            async with asyncio.timeout(after):
                await client.post("/ask", json=body)

    async def everyone() -> None:
        async with httpx.AsyncClient(base_url=slow.url, timeout=10, trust_env=False) as client:
            await asyncio.gather(
                *(leave(client, 0.02 * number, stream=number % 2 == 0) for number in range(16))
            )

    asyncio.run(everyone())
    until(lambda: slow.generator.running == 0)
    requests, aborted = slow.generator.requests, set(slow.generator.aborted)
    assert {request.request_id for request in requests} == aborted
    assert slow.http.get("/health/live").status_code == 200


def test_one_who_stays_is_served_meanwhile(slow: Server) -> None:
    with slow.http.stream("POST", "/ask", json={"question": QUESTION, "stream": True}) as answer:
        lines = answer.iter_lines()
        next(lines)
        staying = slow.http.post("/ask", json={"question": QUESTION, "max_tokens": 3, "mode": "model"})
        assert staying.json()["usage"]["completion_tokens"] == 3
        assert any("token" in line for line in lines)
    until(lambda: slow.generator.running == 0)


def test_one_who_left_is_counted_but_not_an_error(slow: Server) -> None:
    with pytest.raises(httpx.ReadTimeout):
        slow.http.post("/ask", json={"question": QUESTION, "mode": "model"}, timeout=0.3)
    until(lambda: 'route="/ask",status="499"' in slow.http.get("/metrics").text)
    assert 'status="500"' not in slow.http.get("/metrics").text


def test_one_who_leaves_in_the_middle_of_an_upload(slow: Server) -> None:
    def half() -> Iterator[bytes]:
        yield json.dumps({"question": QUESTION}).encode()[:10]
        raise OSError("the cable is cut")

    for kind in ("application/json", "multipart/form-data; boundary=x"):
        for path in ("/ask", "/ingest", "/adapters"):
            with pytest.raises(OSError, match="cable"):
                slow.http.post(path, content=half(), headers={"content-type": kind})
    assert 'status="500"' not in slow.http.get("/metrics").text
