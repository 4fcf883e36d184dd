"""Documents: listed in pages, read, downloaded safely, deleted for good."""

import asyncio
from urllib.parse import unquote

from tests.support.api import Api
from tests.support.replies import error_of


async def upload(api: Api, name: str, content: bytes, kind: str = "text/plain") -> str:
    answer = await api.http.post("/ingest", files=[("file", (name, content, kind))])
    assert answer.status_code == 202, answer.text
    await asyncio.to_thread(api.worker.work, api.service)
    return str(answer.json()["documents"][0]["document_id"])


async def test_pages_of_a_list(api: Api) -> None:
    ids = await api.ingest(*(f"Note number {number}." for number in range(5)))
    seen, after = [], None
    for expected in (2, 2, 1):
        params = {"limit": 2} | ({"after": after} if after else {})
        page = (await api.http.get("/documents", params=params)).json()
        assert set(page) == {"data", "has_more"}
        assert len(page["data"]) == expected
        seen += [one["document_id"] for one in page["data"]]
        assert page["has_more"] is (len(seen) < 5)
        after = seen[-1]
    assert sorted(seen) == sorted(ids)
    assert (await api.http.get("/documents", params={"after": after})).json() == {
        "data": [],
        "has_more": False,
    }


async def test_bad_lists(api: Api) -> None:
    error_of(await api.http.get("/documents?limit=0"), 422, "invalid_request", "limit")
    error_of(await api.http.get("/documents?limit=1001"), 422, "invalid_request", "limit")
    error_of(await api.http.get("/documents?limit=x"), 422, "invalid_request", "limit")
    error_of(await api.http.get("/documents?after=none-such"), 422, "invalid_request", "after")
    error_of(await api.http.get("/documents?collection=no"), 404, "collection_not_found", "collection")


async def test_a_document(api: Api) -> None:
    [document_id] = await api.ingest("The ferry leaves at noon.", tags=["sea"])
    found = (await api.http.get(f"/documents/{document_id}")).json()
    assert found["document_id"] == document_id
    assert (found["status"], found["chunks"], found["tags"], found["error"]) == ("done", 1, ["sea"], None)
    assert found["collection"] == "default"
    assert found["created_at"].endswith("Z")


async def test_the_text_is_in_code_points(api: Api) -> None:
    content = "سلام 👋🏽 长城 e\u0301\nپایان"
    document_id = await upload(api, "a.txt", content.encode())
    answer = await api.http.get(f"/documents/{document_id}/text")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    text = answer.content.decode()
    [source] = (await api.http.post("/search", json={"question": "سلام"})).json()["sources"]
    assert text[source["start"] : source["end"]] == source["text"]


async def test_a_download_cannot_run_in_a_browser(api: Api) -> None:
    name = 'نامه "x";\r\nSet-Cookie: a=b.html'
    content = (
        b"<html><body><script>alert(1)</script><p>The ferry leaves at noon, says the guide.</p></body></html>"
    )
    document_id = await upload(api, name, content, "text/html")
    answer = await api.http.get(f"/documents/{document_id}/file")
    assert answer.content == content
    assert answer.headers["content-disposition"].startswith("attachment; filename*=utf-8''")
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    kept = (await api.http.get(f"/documents/{document_id}")).json()["name"]
    assert unquote(answer.headers["content-disposition"].partition("''")[2]) == kept


async def test_a_waiting_document_has_no_text_yet(api: Api) -> None:
    answer = await api.http.post("/ingest", files=[("file", ("a.txt", b"The ferry leaves."))])
    document_id = answer.json()["documents"][0]["document_id"]
    error_of(await api.http.get(f"/documents/{document_id}/text"), 404, "document_not_found")
    assert (await api.http.get(f"/documents/{document_id}")).json()["status"] == "queued"
    assert (await api.http.get(f"/documents/{document_id}/file")).status_code == 200


async def test_a_deleted_document_is_never_found_again(api: Api) -> None:
    first, second = await api.ingest("The ferry leaves at noon.", "The ferry of Koper leaves at one.")
    assert len((await api.ask("When does the ferry leave?"))["sources"]) == 2
    assert (await api.http.delete(f"/documents/{first}")).status_code == 204
    assert [one["document_id"] for one in (await api.ask("When does the ferry leave?"))["sources"]] == [
        second
    ]
    for path in ("", "/text", "/file"):
        error_of(await api.http.get(f"/documents/{first}{path}"), 404, "document_not_found", "document_id")
    error_of(await api.http.delete(f"/documents/{first}"), 404, "document_not_found", "document_id")
    [left] = (await api.http.get("/documents")).json()["data"]
    assert left["document_id"] == second


async def test_a_deleted_document_in_the_queue_is_not_committed(api: Api) -> None:
    answer = await api.http.post("/ingest", json={"payloads": [{"id": "a", "text": "The ferry leaves."}]})
    document_id = answer.json()["documents"][0]["document_id"]
    assert (await api.http.delete(f"/documents/{document_id}")).status_code == 204
    await asyncio.to_thread(api.worker.work, api.service)
    assert (await api.ask("When does the ferry leave?"))["sources"] == []


async def test_strange_ids(api: Api) -> None:
    for one in ("x", "نیست", "a b", "%00", "..%2f..%2fetc", "x" * 5000):
        answer = await api.http.get(f"/documents/{one}")
        assert answer.status_code == 404, answer.text
        assert answer.json()["error"]["code"] in ("document_not_found", "not_found")


async def test_renamed_tagged_and_moved(api: Api) -> None:
    document_id = await upload(api, "a.txt", b"The ferry leaves at noon.")
    path = f"/documents/{document_id}"
    changed = (await api.http.patch(path, json={"name": "ferry.txt", "tags": ["sea"]})).json()
    assert (changed["name"], changed["tags"], changed["chunks"]) == ("ferry.txt", ["sea"], 1)
    await api.http.post("/collections", json={"name": "harbour"})
    moved = (await api.http.patch(path, json={"collection": "harbour", "metadata": {"pier": "2"}})).json()
    assert (moved["collection"], moved["metadata"], moved["tags"]) == ("harbour", {"pier": "2"}, ["sea"])

    async def found(collection: str) -> list[str]:
        question = {"question": "ferry", "collection": collection, "filters": {"metadata.pier": ["2"]}}
        sources = (await api.http.post("/search", json=question)).json()["sources"]
        return [source["document_id"] for source in sources]

    assert await found("harbour") == [document_id]
    assert await found("default") == []
    again = await api.http.post("/ingest", files=[("file", ("ferry.txt", b"The ferry leaves at noon."))])
    assert again.json()["documents"][0]["status"] == "queued"  # the default collection has no such document


async def test_bad_changes(api: Api) -> None:
    [one, two] = await api.ingest("The ferry leaves at noon.", "The tram runs all night.")
    error_of(await api.http.patch("/documents/none-such", json={}), 404, "document_not_found", "document_id")
    for field, value in (("name", "a\x00b"), ("name", ""), ("colour", "x"), ("tags", [""])):
        refused = await api.http.patch(f"/documents/{one}", json={field: value})
        assert refused.status_code == 422
        assert refused.json()["error"]["param"].startswith(field)
    missing = await api.http.patch(f"/documents/{one}", json={"collection": "no"})
    error_of(missing, 404, "collection_not_found", "collection")
    assert (await api.http.patch(f"/documents/{two}", json={})).status_code == 200


async def test_deletions_are_told_until_and_after_they_are_purged(api: Api) -> None:
    ids = await api.ingest("The ferry leaves at noon.", "The tram runs all night.")
    for document_id in ids:
        await api.http.delete(f"/documents/{document_id}")
    page = (await api.http.get("/deletions", params={"limit": 1})).json()
    assert page["has_more"] is True
    rest = (await api.http.get("/deletions", params={"after": page["data"][0]["document_id"]})).json()
    told = page["data"] + rest["data"]
    assert {one["document_id"] for one in told} == set(ids)
    assert {one["purged_at"] for one in told} == {None}
    api.service.purge.run()
    told = (await api.http.get("/deletions")).json()["data"]
    assert all(one["purged_at"] >= one["deleted_at"] for one in told)
    error_of(await api.http.get("/deletions?after=none-such"), 422, "invalid_request", "after")
