"""What people say of answers, over HTTP."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from indexes import schema as s
from indexes.database import reading
from tests.support import lora
from tests.support.api import Api
from tests.support.replies import error_of

TEXT = "The ferry leaves the harbour at noon."
QUESTION = "When does the ferry leave the harbour?"


def said_of(answer: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "request_id": answer["request_id"],
        "question": QUESTION,
        "answer": answer["answer"],
        "chunk_ids": [one["chunk_id"] for one in answer["sources"]],
        "adapter": answer["adapter"],
        "rating": "down",
        **more,
    }


async def answered(api: Api, **more: Any) -> dict[str, Any]:
    api.generator.script = lambda _request: "The ferry leaves the harbour at noon [1]."
    return await api.ask(QUESTION, **more)


async def give(api: Api, body: dict[str, Any]) -> httpx.Response:
    return await api.http.post("/feedback", json=body)


async def listed(api: Api) -> list[dict[str, Any]]:
    return list((await api.http.get("/feedback")).json()["data"])


async def test_is_kept_with_what_it_was_said_of(api: Api) -> None:
    await api.ingest(TEXT, "Ferries are white.")
    await api.http.post(
        "/adapters", data={"name": "legal"}, files=[("file", ("a.zip", lora.zipped(lora.files())))]
    )
    answer = await answered(api, adapter="legal")
    given = said_of(answer, correction="At noon [1].", comment="too long")
    made = await give(api, given)
    assert made.status_code == 201, made.text
    one = made.json()
    assert {name: one[name] for name in given} == given
    assert one["adapter"]["name"] == "legal"
    assert len(one["chunk_ids"]) == 2
    assert one["created_at"].endswith("Z")
    assert await listed(api) == [one]


async def test_said_again_of_the_same_answer_it_takes_the_first_ones_place(api: Api) -> None:
    await api.ingest(TEXT)
    answer = await answered(api)
    await give(api, said_of(answer))
    await give(api, said_of(answer, rating="up"))
    assert [one["rating"] for one in await listed(api)] == ["up"]


async def test_a_page_at_a_time_and_taken_back(api: Api) -> None:
    await api.ingest(TEXT)
    for _ in range(3):
        await give(api, said_of(await answered(api)))
    first = (await api.http.get("/feedback?limit=2")).json()
    assert (len(first["data"]), first["has_more"]) == (2, True)
    last = first["data"][-1]["id"]
    assert len((await api.http.get(f"/feedback?after={last}")).json()["data"]) == 1
    assert (await api.http.delete(f"/feedback/{last}")).status_code == 204
    error_of(await api.http.delete(f"/feedback/{last}"), 404, "feedback_not_found", None)
    error_of(await api.http.get(f"/feedback?after={last}"), 422, "invalid_request", "after")
    assert len(await listed(api)) == 2


async def test_goes_with_the_text_that_it_may_quote(api: Api) -> None:
    ferry, other = await api.ingest(TEXT, "Buoys are painted red and green.")
    await give(api, said_of(await answered(api)))
    alone = await answered(api, filters={"document_id": other})
    await give(api, said_of(alone, rating="up"))
    await api.http.delete(f"/documents/{ferry}")
    assert [one["rating"] for one in await listed(api)] == ["up"]
    await asyncio.to_thread(api.service.purge.run)  # a passage that is still named could not be removed
    with reading(api.service.database) as db:
        assert db.execute(select(func.count()).select_from(s.feedback_sources)).scalar_one() == 1


async def test_goes_with_its_collection(api: Api) -> None:
    await api.http.post("/collections", json={"name": "desk"})
    await api.ingest(TEXT, collection="desk")
    given = said_of(await answered(api, collection="desk"), collection="desk")
    assert (await give(api, given)).status_code == 201
    assert await listed(api) == []
    assert (await api.http.delete("/collections/desk")).status_code == 204
    error_of(await api.http.get("/feedback?collection=desk"), 404, "collection_not_found", "collection")


async def test_of_what_is_there_no_more_nothing_is_kept(api: Api) -> None:
    [document] = await api.ingest(TEXT)
    answer = await answered(api)
    await api.http.delete(f"/documents/{document}")
    error_of(await give(api, said_of(answer)), 409, "sources_changed", "chunk_ids")
    assert await listed(api) == []


async def test_another_collections_passages_cannot_be_named(api: Api) -> None:
    await api.http.post("/collections", json={"name": "desk"})
    await api.ingest(TEXT, collection="desk")
    answer = await answered(api, collection="desk")
    error_of(await give(api, said_of(answer)), 409, "sources_changed", "chunk_ids")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"rating": "fine"}, "rating"),
        ({"request_id": "a b"}, "request_id"),
        ({"chunk_ids": [1 << 63]}, "chunk_ids.0"),
        ({"chunk_ids": [0]}, "chunk_ids.0"),
        ({"answer": ""}, "answer"),
        ({"comment": "\x00"}, "comment"),
        ({"adapter": {"name": "legal", "version": "new"}}, "adapter.version"),
        ({"rating": "up", "correction": "At noon."}, None),
        ({"correction": "At one."}, None),
        ({"stars": 5}, "stars"),
    ],
)
async def test_what_cannot_be_meant(api: Api, change: dict[str, Any], param: str | None) -> None:
    body = {"request_id": "r-1", "question": QUESTION, "answer": "At one.", "rating": "down", **change}
    error_of(await give(api, body), 422, "invalid_request", param)
