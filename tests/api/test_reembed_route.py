"""Re-embedding over HTTP: asked for, looked at, cancelled; answered by the new model from then on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.api import Api, make_settings, started
from tests.support.embeddings_server import EmbeddingsServer
from tests.support.replies import error_of
from tests.support.worker import Worker

OWN = "fake-hash-64"


@pytest.fixture
def endpoint() -> Iterator[EmbeddingsServer]:
    with EmbeddingsServer() as running:
        yield running


@pytest.fixture
async def api(
    tmp_path: Path, empty_database: Path, worker: Worker, endpoint: EmbeddingsServer
) -> AsyncIterator[Api]:
    """With an endpoint's model as a second one."""
    embedders = {"second": {"url": endpoint.url, "model": "m", "passage_prompt": "p: "}}
    settings = make_settings(tmp_path / "var", empty_database, embedders=embedders, min_confidence=None)
    async with started(settings, worker) as made:
        yield made


async def begin(api: Api, name: str = "default", embedder: str | None = "second") -> str:
    answer = await api.http.post(f"/collections/{name}/reembed", json={"embedder": embedder})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


async def model(api: Api) -> str:
    return str((await api.http.get("/collections/default")).json()["embedder"]["id"])


async def test_from_one_model_to_the_other_and_back(api: Api, endpoint: EmbeddingsServer) -> None:
    await api.ingest("The ferry leaves at noon.", "The moon is far.")
    assert endpoint.batches == []  # it is not loaded before it is needed
    job_id = await begin(api)
    assert await begin(api) == job_id
    job = (await api.http.get(f"/jobs/{job_id}")).json()
    assert (job["status"], job["re_embedding"]["status"]) == ("queued", "queued")
    asked = await api.ask("When does the ferry leave?")
    assert asked["sources"][0]["text"] == "The ferry leaves at noon."
    assert await model(api) == OWN
    await asyncio.to_thread(api.worker.work, api.service)
    job = (await api.http.get(f"/jobs/{job_id}")).json()
    assert (job["status"], job["progress"]["chunks_done"], job["progress"]["chunks_total"]) == (
        "succeeded",
        2,
        2,
    )
    assert job["re_embedding"] == {"embedder": f"{endpoint.url}#m", "status": "done", "error": None}
    assert await model(api) == f"{endpoint.url}#m"
    seen = len(endpoint.batches)
    asked = await api.ask("When does the ferry leave?")
    assert asked["sources"][0]["text"] == "The ferry leaves at noon."
    assert len(endpoint.batches) > seen  # the question is embedded by the new model
    await api.ingest("A glacier melts.")
    assert (await api.ask("glacier"))["sources"][0]["text"] == "A glacier melts."
    await begin(api, embedder=None)
    await asyncio.to_thread(api.worker.work, api.service)
    assert await model(api) == OWN
    assert (await api.ask("glacier"))["sources"][0]["text"] == "A glacier melts."


async def test_a_service_lets_go_of_what_answers_no_more(api: Api, endpoint: EmbeddingsServer) -> None:
    await api.ingest("The ferry leaves at noon.")
    for embedder in ("second", None):
        await begin(api, embedder=embedder)
        await asyncio.to_thread(api.worker.work, api.service)
        await api.ask("ferry")
        await api.service._save_snapshots()
        assert [key[1].id for key in api.service.live._entries] == [await model(api)]
    assert not api.service.embedders._loaded


async def test_cancelled(api: Api) -> None:
    await api.ingest("The ferry leaves at noon.")
    job_id = await begin(api)
    assert (await api.http.delete(f"/jobs/{job_id}")).json()["status"] == "cancelled"
    await asyncio.to_thread(api.worker.work, api.service)
    assert await model(api) == OWN
    assert (await api.http.get(f"/jobs/{job_id}")).json()["re_embedding"]["status"] == "cancelled"


async def test_refused(api: Api, endpoint: EmbeddingsServer) -> None:
    await api.ingest("The ferry leaves at noon.")
    post = api.http.post
    answer = await post("/collections/default/reembed", json={"embedder": "third"})
    assert "second" in error_of(answer, 422, "invalid_request", "embedder")["message"]
    answer = await post("/collections/nowhere/reembed", json={})
    error_of(answer, 404, "collection_not_found", "collection")
    answer = await post("/collections/default/reembed", json={"model": "second"})
    error_of(answer, 422, "invalid_request", "model")
    endpoint.answer = (503, {})
    error_of(await post("/collections/default/reembed", json={"embedder": "second"}), 503, "unavailable")
    endpoint.answer = None
    job_id = await begin(api)
    answer = await post("/collections/default/reembed", json={})
    assert job_id in error_of(answer, 409, "conflict")["message"]


async def test_a_collection_of_a_model_that_is_not_known_any_more(
    api: Api, worker: Worker, empty_database: Path
) -> None:
    """It can be re-embedded beside the service all the same."""
    await api.ingest("The ferry leaves at noon.")
    await begin(api)
    await asyncio.to_thread(api.worker.work, api.service)
    settings = api.service.settings.model_copy(update={"embedders": {}})
    async with started(settings, worker) as later:
        answer = await later.http.post("/ask", json={"question": "ferry"})
        message = error_of(answer, 409, "embedder_mismatch", "collection")["message"]
        assert "simurgh models re-embed default" in message
        assert "SIMURGH_EMBEDDERS" in message
        await begin(later, embedder=None)
        await asyncio.to_thread(later.worker.work, later.service)
        assert (await later.ask("ferry"))["sources"][0]["text"] == "The ferry leaves at noon."
