"""Collections: made, described, changed, bound to an adapter, deleted."""

from typing import Any

import pytest

from tests.support import lora
from tests.support.api import Api
from tests.support.replies import error_of


async def create(api: Api, name: str, **more: Any) -> dict[str, Any]:
    answer = await api.http.post("/collections", json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def upload(api: Api, name: str) -> None:
    files = [("file", ("a.zip", lora.zipped(lora.files())))]
    assert (await api.http.post("/adapters", data={"name": name}, files=files)).status_code == 201


async def test_the_default_one_is_always_there(api: Api) -> None:
    page = (await api.http.get("/collections")).json()
    assert [one["name"] for one in page["data"]] == ["default"]
    assert page["has_more"] is False
    assert (await api.http.get("/collections/default")).json()["documents"] == 0
    error_of(await api.http.post("/collections", json={"name": "default"}), 409, "already_exists", "name")


async def test_a_collection_and_its_counts(api: Api) -> None:
    made = await create(api, "letters", description="Old ones")
    assert (made["description"], made["default_adapter"], made["documents"]) == ("Old ones", None, 0)
    assert made["embedder"]["id"] == "fake-hash-64"
    await api.ingest("The ferry leaves.", "The moon is far.", collection="letters")
    found = (await api.http.get("/collections/letters")).json()
    assert (found["documents"], found["chunks"]) == (2, 2)
    assert (await api.ask("When does the ferry leave?"))["reason"] == "no_documents"
    assert (await api.ask("When does the ferry leave?", collection="letters"))["collection"] == "letters"


@pytest.mark.parametrize("name", ["نامه‌ها".replace("\u200c", "_"), "信件", "a.b-c_d", "9", "x" * 64])
async def test_good_names(api: Api, name: str) -> None:
    await create(api, name)
    assert (await api.http.get(f"/collections/{name}")).json()["name"] == name
    error_of(await api.http.post("/collections", json={"name": name}), 409, "already_exists", "name")


async def test_bad_names(api: Api) -> None:
    for name in ("", " ", "a b", "a/b", "a:b", "../x", ".x", "-x", "x" * 65, "x\n", "a\x00", None, 7):
        answer = await api.http.post("/collections", json={"name": name})
        error_of(answer, 422, "invalid_request", "name")
    error_of(await api.http.post("/collections", json={}), 422, "invalid_request", "name")
    body = {"name": "x", "colour": "red"}
    error_of(await api.http.post("/collections", json=body), 422, "invalid_request", "colour")
    body = {"name": "x", "description": "x" * 2001}
    error_of(await api.http.post("/collections", json=body), 422, "invalid_request", "description")


async def test_pages_of_a_list(api: Api) -> None:
    for name in ("a", "b", "c"):
        await create(api, name)
    first = (await api.http.get("/collections?limit=2")).json()
    rest = (await api.http.get("/collections", params={"after": first["data"][-1]["name"]})).json()
    assert first["has_more"]
    assert not rest["has_more"]
    assert {one["name"] for one in first["data"] + rest["data"]} == {"default", "a", "b", "c"}
    error_of(await api.http.get("/collections?after=none"), 422, "invalid_request", "after")


async def test_changes(api: Api) -> None:
    await create(api, "letters", description="Old ones")
    await upload(api, "legal")
    changed = await api.http.patch("/collections/letters", json={"default_adapter": "legal"})
    assert (changed.json()["default_adapter"], changed.json()["description"]) == ("legal", "Old ones")
    changed = await api.http.patch("/collections/letters", json={"description": None})
    assert (changed.json()["default_adapter"], changed.json()["description"]) == ("legal", "")
    for none in (None, "base"):
        await api.http.patch("/collections/letters", json={"default_adapter": "legal"})
        changed = await api.http.patch("/collections/letters", json={"default_adapter": none})
        assert changed.json()["default_adapter"] is None
    assert (await api.http.patch("/collections/letters", json={})).status_code == 200


async def test_an_unknown_adapter_is_never_bound(api: Api) -> None:
    for name in ("none-such", ""):
        body = {"name": "letters", "default_adapter": name}
        error_of(await api.http.post("/collections", json=body), 404, "adapter_not_found", "default_adapter")
        answer = await api.http.patch("/collections/default", json={"default_adapter": name})
        error_of(answer, 404, "adapter_not_found", "default_adapter")
    error_of(await api.http.get("/collections/letters"), 404, "collection_not_found", "collection")


async def test_a_deleted_collection_takes_everything_with_it(api: Api) -> None:
    await create(api, "letters")
    [document_id] = await api.ingest("The ferry leaves.", collection="letters")
    assert (await api.http.delete("/collections/letters")).status_code == 204
    error_of(await api.http.get(f"/documents/{document_id}"), 404, "document_not_found", "document_id")
    body = {"question": "When does the ferry leave?", "collection": "letters"}
    error_of(await api.http.post("/ask", json=body), 404, "collection_not_found", "collection")
    error_of(await api.http.delete("/collections/letters"), 404, "collection_not_found", "collection")
    await create(api, "letters")
    assert (await api.ask("When does the ferry leave?", collection="letters"))["reason"] == "no_documents"


async def test_the_default_one_comes_back_empty(api: Api) -> None:
    await api.ingest("The ferry leaves.")
    assert (await api.http.delete("/collections/default")).status_code == 204
    assert (await api.ask("When does the ferry leave?"))["reason"] == "no_documents"


async def test_unknown_and_strange_names(api: Api) -> None:
    for name in ("none-such", "نیست", "a%20b", "a%00"):
        for method in ("GET", "DELETE"):
            answer = await api.http.request(method, f"/collections/{name}")
            error_of(answer, 404, "collection_not_found", "collection")
        answer = await api.http.patch(f"/collections/{name}", json={})
        error_of(answer, 404, "collection_not_found", "collection")
    error_of(await api.http.get("/collections/a%2Fb"), 404, "not_found")
