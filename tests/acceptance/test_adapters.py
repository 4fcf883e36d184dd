"""Adapters through the whole service: many at once, broken ones in between, an engine that is killed."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from app.generator import LoadedAdapter
from tests.support.service import RunningService, zipped

pytestmark = pytest.mark.engine

REQUESTS = 48
RECOVERY = 60.0  # seconds
SUBJECTS = ["the sea", "old bridges", "rain", "chess", "salt", "glass", "owls", "trains"]


@pytest.fixture(scope="module")
def voiced(service: RunningService, toy_adapters: tuple[LoadedAdapter, ...]) -> RunningService:
    """The service with ALPHA and BETA, which fill both slots of its engine."""
    for adapter in toy_adapters:
        name = adapter.name.split("@")[0].lower()
        made = service.http.post(
            "/adapters", data={"name": name}, files={"file": (f"{name}.zip", zipped(adapter.folder))}
        )
        assert made.status_code == 201, made.text
        assert made.json()["status"] == "ready", made.text
    return service


def body(number: int, adapter: str | None) -> dict[str, Any]:
    subject = SUBJECTS[number % len(SUBJECTS)]
    return {
        "question": f"What is known about {subject}?",
        "mode": "model",
        "adapter": adapter,
        "max_tokens": 12,
    }


def test_48_at_once_each_get_the_adapter_they_asked_for(voiced: RunningService) -> None:
    alone = {number: voiced.ask(**body(number, "base"))["answer"] for number in range(len(SUBJECTS))}

    async def all_at_once() -> list[tuple[int, str, httpx.Response]]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=voiced.url, timeout=240, limits=limits, trust_env=False
        ) as client:

            async def one(number: int, adapter: str) -> tuple[int, str, httpx.Response]:
                return number, adapter, await client.post("/ask", json=body(number, adapter))

            async def broken() -> tuple[int, str, httpx.Response]:
                files = {"file": ("broken.zip", b"PK\x03\x04 not a zip")}
                return 0, "broken", await client.post("/adapters", data={"name": "broken"}, files=files)

            jobs = [one(number, ("base", "alpha", "beta")[number % 3]) for number in range(REQUESTS)]
            jobs[10:10] = [broken(), one(0, "nobody")]
            return await asyncio.gather(*jobs)

    wrong = []
    for number, adapter, response in asyncio.run(all_at_once()):
        if adapter == "broken":
            assert response.status_code == 422, response.text
            continue
        if adapter == "nobody":
            assert response.status_code == 404
            assert response.json()["error"]["code"] == "adapter_not_found"
            continue
        assert response.status_code == 200, response.text
        answer = response.json()
        if adapter == "base":
            right = answer["adapter"] is None and answer["answer"] == alone[number % len(SUBJECTS)]
        else:
            right = answer["adapter"]["name"] == adapter and answer["answer"].startswith(adapter.upper())
        if not right:
            wrong.append((adapter, answer["answer"]))
    assert wrong == []


def test_a_collection_binds_an_adapter_and_a_request_can_refuse_it(voiced: RunningService) -> None:
    made = voiced.http.post("/collections", json={"name": "bound", "default_adapter": "alpha"})
    assert made.status_code == 201, made.text
    bound = voiced.ask(**{**body(0, None), "collection": "bound"})
    assert bound["adapter"]["name"] == "alpha"
    assert bound["answer"].startswith("ALPHA")
    freed = voiced.ask(**{**body(0, "base"), "collection": "bound"})
    assert freed["adapter"] is None
    assert not freed["answer"].startswith("ALPHA")


@pytest.mark.parametrize("victim", ["server", "core"])
def test_a_killed_engine_comes_back_by_itself(voiced: RunningService, victim: str) -> None:
    processes = voiced.engine()
    target = processes[0] if victim == "server" else processes[-1]

    async def under_load() -> tuple[list[int], float]:
        async with httpx.AsyncClient(base_url=voiced.url, timeout=120, trust_env=False) as client:

            async def one(number: int) -> httpx.Response:
                return await client.post("/ask", json={**body(number, "beta"), "max_tokens": 200})

            running = [asyncio.create_task(one(number)) for number in range(8)]
            await asyncio.sleep(1.0)
            target.kill()
            killed = time.monotonic()
            interrupted = await asyncio.gather(*running)
            statuses = [response.status_code for response in interrupted]
            while True:
                response = await one(0)
                if response.status_code == 200:
                    break
                assert response.status_code == 503, response.text
                assert int(response.headers["retry-after"]) >= 1
                assert response.json()["error"]["code"] == "engine_unavailable"
                statuses.append(503)
                await asyncio.sleep(0.5)
            assert response.json()["answer"].startswith("BETA")
            return statuses, time.monotonic() - killed

    statuses, seconds = asyncio.run(under_load())
    assert 503 in statuses
    assert set(statuses) <= {200, 503}
    assert seconds <= RECOVERY, f"{seconds:.0f} s"
