"""POST /ingest: files and JSON, and everything that is no document."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api import Api, make_settings, started
from tests.support.replies import error_of
from tests.support.worker import Worker

NOTE = {"payloads": [{"id": "a", "text": "The ferry leaves at noon."}]}


async def send(api: Api, *files: tuple[str, Any], **fields: Any) -> httpx.Response:
    return await api.http.post("/ingest", files=[("file", file) for file in files], data=fields)


async def test_files(api: Api) -> None:
    answer = await send(
        api, ("a.txt", b"The ferry leaves at noon."), ("b.md", b"# Moon\n\nFar away."), tags="sea, lake"
    )
    assert answer.status_code == 202
    body = answer.json()
    assert set(body) == {"job_id", "documents"}
    assert [(one["name"], one["status"]) for one in body["documents"]] == [
        ("a.txt", "queued"),
        ("b.md", "queued"),
    ]
    await asyncio.to_thread(api.worker.work, api.service)
    documents = (await api.http.get("/documents")).json()["data"]
    assert {one["name"]: one["tags"] for one in documents} == {
        "a.txt": ["sea", "lake"],
        "b.md": ["sea", "lake"],
    }


async def test_payloads(api: Api) -> None:
    body = {
        "payloads": [
            {"id": "t-7", "title": "Ferry", "text": "It leaves at noon.", "metadata": {"port": "Piran"}},
            {"id": "t-8", "data": {"moon": {"distance": "far away"}}},
        ],
        "tags": ["x"],
    }
    answer = await api.http.post("/ingest", json=body)
    assert [one["name"] for one in answer.json()["documents"]] == ["Ferry", "t-8"]
    await asyncio.to_thread(api.worker.work, api.service)
    ids = [one["document_id"] for one in answer.json()["documents"]]
    assert "noon" in (await api.http.get(f"/documents/{ids[0]}/text")).text
    assert "far away" in (await api.http.get(f"/documents/{ids[1]}/text")).text


async def test_the_same_bytes_are_unchanged(api: Api) -> None:
    first = (await api.http.post("/ingest", json=NOTE)).json()["documents"][0]
    waiting = (await api.http.post("/ingest", json=NOTE)).json()["documents"][0]
    assert (waiting["document_id"], waiting["status"]) == (first["document_id"], "unchanged")
    await asyncio.to_thread(api.worker.work, api.service)
    again = (await api.http.post("/ingest", json=NOTE)).json()
    assert again["documents"][0] == {**first, "status": "unchanged"}
    job = (await api.http.get(f"/jobs/{again['job_id']}")).json()
    assert (job["status"], job["progress"]["done"]) == ("succeeded", 1)


async def test_new_content_of_a_source_replaces_the_old(api: Api) -> None:
    [first] = await api.ingest("x")
    old = await send(api, ("a.txt", b"The ferry leaves at noon."))
    await asyncio.to_thread(api.worker.work, api.service)
    new = await send(api, ("a.txt", b"The ferry leaves at midnight."))
    assert new.json()["documents"][0]["document_id"] == old.json()["documents"][0]["document_id"] != first
    assert "noon" in (await api.ask("When does the ferry leave?"))["sources"][0]["text"]
    await asyncio.to_thread(api.worker.work, api.service)
    texts = [source["text"] for source in (await api.ask("When does the ferry leave?"))["sources"]]
    assert any("midnight" in text for text in texts)
    assert not any("noon" in text for text in texts)


async def test_bad_json(api: Api) -> None:
    for body, status, code, param in [
        ({}, 422, "invalid_request", "urls"),
        ({"payloads": []}, 422, "invalid_request", "urls"),
        ({**NOTE, "colection": "x"}, 422, "invalid_request", "colection"),
        ({"payloads": [{"id": "a", "txt": "x"}]}, 422, "invalid_request", "payloads.0.txt"),
        ({"payloads": [{"text": "x"}]}, 422, "invalid_request", "payloads.0.id"),
        ({"payloads": [{"id": "", "text": "x"}]}, 422, "invalid_request", "payloads.0.id"),
        ({**NOTE, "tags": [""]}, 422, "invalid_request", "tags.0"),
        ({**NOTE, "tags": ["x" * 101]}, 422, "invalid_request", "tags.0"),
        ({**NOTE, "collection": "none-such"}, 404, "collection_not_found", "collection"),
        ({"urls": ["x"] * 1001}, 422, "invalid_request", "urls"),
    ]:
        error_of(await api.http.post("/ingest", json=body), status, code, param)
    assert api.service.queue.depth()[0] == 0


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://example.org/a", "file:///etc/passwd", "http://", "http://[::1"]
)
async def test_addresses_that_can_never_be_fetched(api: Api, url: str) -> None:
    answer = await api.http.post("/ingest", json={"urls": [url]})
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["code"] == "fetch_refused"


NOT_JSON: list[Any] = [
    (b"", 400),
    (b"{", 400),
    (b'{"payloads": [{"id": "a", "data": {"x": NaN}}]}', 422),
    (b'{"payloads": [{"id": "a", "text": "x", "metadata": {"x": 1e999}}]}', 422),
    (b'{"payloads": [{"id": "a", "text": "\\ud800"}]}', 400),
    (b'{"payloads": [{"id": "a", "data": {"x": ' + b"9" * 5000 + b"}}]}", 400),
    (b'{"payloads": [{"id": "a", "data": ' + b"[" * 500 + b"]" * 500 + b"}]}", 400),
    (b"[]", 422),
    (b"null", 422),
]


async def test_what_is_no_plain_json(api: Api) -> None:
    for content, status in NOT_JSON:
        answer = await api.http.post("/ingest", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == status, answer.text
        assert answer.json()["error"]["code"] == {400: "bad_json", 422: "invalid_request"}[status]


async def test_a_strange_content_type(api: Api) -> None:
    for kind in ("text/plain", "", "application/x-www-form-urlencoded"):
        answer = await api.http.post("/ingest", content=b"x=y", headers={"content-type": kind})
        error_of(answer, 422, "bad_content_type")


async def test_bad_forms(api: Api) -> None:
    error_of(await send(api, ("a.txt", b"x"), collektion="x"), 422, "invalid_request", "collektion")
    error_of(
        await send(api, ("a.txt", b"x"), collection="none-such"), 404, "collection_not_found", "collection"
    )
    error_of(await send(api, ("a.txt", b"x"), tags="x" * 101), 422, "invalid_request", "tags")
    only_fields = await api.http.post("/ingest", files=[("collection", (None, "default"))])
    error_of(only_fields, 422, "invalid_request", "file")
    text = await api.http.post("/ingest", files=[("file", (None, "hello"))])
    error_of(text, 422, "invalid_request", "file")
    nameless = b'--x\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\nhi\r\n--x--\r\n'
    for content in (nameless, b"", b"--x", b"garbage", b"--x\r\n\r\n\r\n--x--"):
        answer = await api.http.post(
            "/ingest", content=content, headers={"content-type": "multipart/form-data; boundary=x"}
        )
        assert answer.status_code in (400, 422), answer.text
        assert answer.json()["error"]["code"] in ("bad_request", "invalid_request")
    unbounded = await api.http.post(
        "/ingest", content=b"--x", headers={"content-type": "multipart/form-data"}
    )
    assert unbounded.status_code == 400


async def test_an_empty_file_fails_alone_with_its_reason(api: Api) -> None:
    answer = await send(api, ("empty.txt", b""), ("good.txt", b"The ferry leaves at noon."))
    assert answer.status_code == 202
    await asyncio.to_thread(api.worker.work, api.service)
    job = (await api.http.get(f"/jobs/{answer.json()['job_id']}")).json()
    assert job["status"] == "succeeded"
    assert [one["status"] for one in job["documents"]] == ["failed", "done"]
    assert job["documents"][0]["error"]["message"]


async def test_a_file_that_is_too_large(tmp_path: Path, empty_database: Path, worker: Worker) -> None:
    settings = make_settings(tmp_path / "var", empty_database, max_upload_mib=1)
    async with started(settings, worker) as api:
        just_over = b"x" * ((1 << 20) + 1)
        error_of(await send(api, ("a.txt", just_over)), 413, "too_large")
        error_of(await send(api, ("a.txt", just_over * 3)), 413, "too_large")
        body = b'{"payloads": [{"id": "a", "text": "' + just_over * 3 + b'"}]}'
        for path in ("/ingest", "/ask", "/collections"):
            answer = await api.http.post(path, content=body, headers={"content-type": "application/json"})
            error_of(answer, 413, "too_large")
        assert api.service.queue.depth()[0] == 0
        assert not list((tmp_path / "var" / "files").rglob("incoming-*"))


async def test_a_chunked_body_that_is_too_large(tmp_path: Path, empty_database: Path, worker: Worker) -> None:
    async def endless() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        for _ in range(5):
            yield b"x" * (1 << 20)

    settings = make_settings(tmp_path / "var", empty_database, max_upload_mib=1)
    async with started(settings, worker) as api:
        for path, kind in (
            ("/ingest", "multipart/form-data; boundary=x"),
            ("/ingest", "application/json"),
            ("/adapters", "multipart/form-data; boundary=x"),
            ("/ask", "application/json"),
        ):
            answer = await api.http.post(path, content=endless(), headers={"content-type": kind})
            error_of(answer, 413, "too_large")


async def test_a_full_queue_says_when_to_come_back(
    tmp_path: Path, empty_database: Path, worker: Worker
) -> None:
    settings = make_settings(tmp_path / "var", empty_database, max_queued_jobs=2)
    async with started(settings, worker) as api:
        assert (await send(api, ("a.txt", b"a"), ("b.txt", b"b"))).status_code == 202
        answer = await send(api, ("c.txt", b"c"))
        error_of(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        await asyncio.to_thread(api.worker.work, api.service)
        assert (await send(api, ("c.txt", b"c"))).status_code == 202


async def test_what_is_urgent_comes_first(api: Api) -> None:
    await send(api, ("a.txt", b"The first ferry."))
    later = (await send(api, ("b.txt", b"The second ferry."), priority="low")).json()["job_id"]
    body = {"payloads": [{"id": "c", "text": "The third ferry."}], "priority": "high"}
    first = (await api.http.post("/ingest", json=body)).json()["job_id"]
    jobs = [(await api.http.get(f"/jobs/{job_id}")).json() for job_id in (first, later)]
    assert [one["priority"] for one in jobs] == ["high", "low"]
    order = [api.service.queue.take(one) for one in api.service.queue.unfinished(limit=9)]
    assert [one.name for one in order if one] == ["c", "a.txt", "b.txt"]
    error_of(await send(api, ("d.txt", b"d"), priority="soon"), 422, "invalid_request", "priority")
    answer = await api.http.post("/ingest", json={**body, "priority": "soon"})
    error_of(answer, 422, "invalid_request", "priority")


async def test_names_of_files_are_only_names(api: Api) -> None:
    for name in ("../../etc/passwd", "a\\b.txt", "نامه.txt", "信.txt", "a" * 300):
        answer = await send(api, (name, f"The ferry of {name} leaves.".encode()))
        assert answer.status_code == 202, answer.text
    await asyncio.to_thread(api.worker.work, api.service)
    assert (await api.http.get("/documents")).json()["data"][0]["name"]
