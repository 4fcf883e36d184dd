"""Around all routes: keys, request ids, health, metrics, the page, the description."""

import asyncio
import shutil
import threading
import traceback
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event

from app.compose_worker import heartbeat_file
from indexes.embedder import FakeEmbedder
from indexes.records import Vectors
from tests.support import lora
from tests.support.api import Api, make_settings, started
from tests.support.replies import error_of
from tests.support.worker import Worker

KEY = "a-long-enough-key-of-ours"
CLOSED = [
    ("POST", "/ask"),
    ("POST", "/search"),
    ("POST", "/ingest"),
    ("GET", "/jobs/x"),
    ("DELETE", "/jobs/x"),
    ("GET", "/jobs/x/events"),
    ("GET", "/documents"),
    ("GET", "/documents/x"),
    ("GET", "/documents/x/text"),
    ("GET", "/documents/x/view"),
    ("GET", "/documents/x/file"),
    ("PATCH", "/documents/x"),
    ("POST", "/documents/x/refresh"),
    ("DELETE", "/documents/x"),
    ("GET", "/deletions"),
    ("GET", "/failures"),
    ("POST", "/failures/retry"),
    ("POST", "/collections/x/reembed"),
    ("GET", "/sources"),
    ("POST", "/sources/x/refresh"),
    ("DELETE", "/sources/x"),
    ("GET", "/collections"),
    ("POST", "/collections"),
    ("GET", "/collections/x"),
    ("PATCH", "/collections/x"),
    ("DELETE", "/collections/x"),
    ("GET", "/adapters"),
    ("POST", "/adapters"),
    ("GET", "/adapters/x"),
    ("DELETE", "/adapters/x"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/simurgh"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/embeddings"),
    ("GET", "/v1/files"),
    ("POST", "/v1/files"),
    ("GET", "/v1/files/x"),
    ("GET", "/v1/files/x/content"),
    ("DELETE", "/v1/files/x"),
    ("GET", "/v1/fine_tuning/jobs"),
    ("POST", "/v1/fine_tuning/jobs"),
    ("GET", "/v1/fine_tuning/jobs/x"),
    ("GET", "/v1/fine_tuning/jobs/x/events"),
    ("GET", "/v1/fine_tuning/jobs/x/checkpoints"),
    ("POST", "/v1/fine_tuning/jobs/x/cancel"),
    ("GET", "/metrics"),
    ("POST", "/compare"),
    ("GET", "/feedback"),
    ("POST", "/feedback"),
    ("DELETE", "/feedback/x"),
]
OPEN = ["/health/live", "/health/ready", "/", "/tuning", "/static/app.js", "/docs", "/openapi.json"]


@pytest.fixture
async def closed(tmp_path: Path, empty_database: Path, worker: Worker) -> AsyncIterator[Api]:
    async with started(make_settings(tmp_path / "var", empty_database, api_key=KEY), worker) as api:
        yield api


async def test_without_the_key_nothing_is_told(closed: Api) -> None:
    wrong = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": KEY},
        {"Authorization": "Bearer \u00e9".encode("latin-1")},
    ]
    told = set()
    for headers in wrong:
        for method, path in CLOSED if not headers else CLOSED[:2]:
            body = {"json": {"question": "x"}} if method in ("POST", "PATCH") else {}
            answer = await closed.http.request(method, path, headers=headers, **body)
            error = error_of(answer, 401, "unauthorized")
            assert answer.headers["www-authenticate"] == "Bearer"
            told.add((error["message"], len(answer.content)))
    assert len(told) == 1


async def test_with_the_key_everything_is_open(closed: Api) -> None:
    for value in (f"Bearer {KEY}", f"bearer {KEY}", f"BEARER  {KEY} "):
        assert (await closed.http.get("/collections", headers={"Authorization": value})).status_code == 200


async def test_what_is_open_to_all(closed: Api) -> None:
    for path in OPEN:
        assert (await closed.http.get(path)).status_code == 200, path


async def test_every_route_is_either_closed_or_open(api: Api) -> None:
    described = (await api.http.get("/openapi.json")).json()["paths"]
    routes = {(method.upper(), path) for path, methods in described.items() for method in methods}
    health = {("GET", "/health/live"), ("GET", "/health/ready")}
    known = {(method, path.replace("/x", "/*")) for method, path in CLOSED}
    names = ("{job_id}", "{document_id}", "{source_id}", "{name}", "{file_id}", "{feedback_id}")

    def plain(path: str) -> str:
        for name in names:
            path = path.replace(name, "*")
        return path.replace("/v1/models/*", "/v1/models/simurgh")

    new = {(method, path) for method, path in routes - health if (method, plain(path)) not in known}
    assert not new, "add them to the routes that need a key"


async def test_a_request_keeps_its_id(api: Api) -> None:
    answer = await api.http.get("/collections/none", headers={"X-Request-ID": "mine-1.2_3"})
    assert answer.headers["x-request-id"] == "mine-1.2_3"
    assert answer.json()["error"]["request_id"] == "mine-1.2_3"
    ids = set()
    for bad in ("", "a b", "x" * 65, "<script>", "é".encode()):
        answer = await api.http.get("/health/live", headers={"X-Request-ID": bad})
        ids.add(answer.headers["x-request-id"])
    assert len(ids) == 5
    assert all(len(one) == 32 for one in ids)


async def test_what_is_not_there(api: Api) -> None:
    error_of(await api.http.get("/none-such"), 404, "not_found")
    answer = await api.http.put("/ask", json={})
    error_of(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]
    for path in ("/static/none.js", "/static/../settings.py", "/static/%2e%2e/settings.py", "/static/"):
        assert (await api.http.get(path)).status_code == 404, path


async def test_health(api: Api) -> None:
    assert (await api.http.get("/health/live")).json() == {"status": "ok"}
    answer = await api.http.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["parts"]["worker"]["status"] == "missing"
    heartbeat_file(api.service.settings).touch()
    assert (await api.http.get("/health/ready")).json()["parts"]["worker"]["status"] == "ok"


async def test_not_ready_says_what_is_missing(api: Api) -> None:
    class Starting:
        state, reason, restarts, retry_after = "starting", "loading the model", 2, 9

    object.__setattr__(api.service.parts, "process", Starting())
    try:
        answer = await api.http.get("/health/ready")
        metrics = (await api.http.get("/metrics")).text
    finally:
        object.__setattr__(api.service.parts, "process", None)
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["engine"]
    assert answer.json()["parts"]["engine"]["reason"] == "loading the model"
    assert answer.headers["retry-after"] == "9"
    assert "simurgh_engine_up 0.0" in metrics
    assert "simurgh_engine_restarts 2.0" in metrics


async def test_metrics(api: Api) -> None:
    await api.ingest("The ferry leaves at noon.")
    await api.ask("When does the ferry leave?")
    await api.ask("When does the ferry leave?", filters={"tag": "none"})
    await api.http.post("/ingest", json={"payloads": [{"id": "x", "text": "waits"}]})
    for _ in range(3):
        await api.http.get("/collections/a-secret-name")
        await api.http.get("/no/such/route")
    answer = await api.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    text = answer.text
    assert 'simurgh_http_requests_total{route="/ask",status="200"} 2.0' in text
    assert 'simurgh_http_requests_total{route="/collections/{name}",status="404"} 3.0' in text
    assert 'simurgh_http_requests_total{route="unmatched",status="404"} 3.0' in text
    assert "a-secret-name" not in text
    assert 'simurgh_answers_total{adapter="base",outcome="answered"} 1.0' in text
    assert 'simurgh_answers_total{adapter="base",outcome="weak_evidence"} 1.0' in text
    assert "simurgh_queue_depth 1.0" in text
    assert "simurgh_documents 1.0" in text
    assert "simurgh_chunks 1.0" in text
    assert 'simurgh_versions{status="queued"} 1.0' in text
    assert "simurgh_disk_free_bytes" in text
    assert "simurgh_answer_seconds_count 2.0" in text


async def test_failures_are_counted_by_reason(api: Api) -> None:
    await api.http.post("/ingest", files=[("file", ("a.pdf", b"%PDF-1.4 broken", "application/pdf"))])
    await asyncio.to_thread(api.worker.work, api.service)
    text = (await api.http.get("/metrics")).text
    assert 'simurgh_failed_versions{reason="' in text
    assert 'simurgh_versions{status="failed"} 1.0' in text
    assert "simurgh_failing_sources 0.0" in text


async def test_a_full_disk_is_told_and_answers_go_on(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage("/")._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    answer = await api.http.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["parts"]["storage"]["status"] == "full"
    assert "1 MiB" in answer.json()["parts"]["storage"]["reason"]


async def test_the_pages_and_their_files(api: Api) -> None:
    for path in ("/", "/tuning"):
        page = await api.http.get(path)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
    for name in ("app.js", "tuning.js", "words.fa.js", "style.css", "icons.svg"):
        answer = await api.http.get(f"/static/{name}")
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await api.http.get("/static/__init__.py")).status_code == 404


async def test_the_description_loads(api: Api) -> None:
    described = (await api.http.get("/openapi.json")).json()
    assert described["info"]["title"] == "Simurgh"
    for path in ("/ask", "/search", "/ingest", "/adapters", "/v1/chat/completions"):
        assert "requestBody" in described["paths"][path]["post"], path
    assert (await api.http.get("/docs")).status_code == 200


async def test_nothing_that_waits_runs_on_the_event_loop(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the database nor the embedder: every other request would wait, too."""
    loop, blocked = threading.get_ident(), []

    def note(*_arguments: object) -> None:
        if threading.get_ident() == loop:
            blocked.append("".join(traceback.format_stack(limit=12)))

    def embed(texts: list[str]) -> Vectors:
        note()
        return FakeEmbedder().embed_passages(texts)

    event.listen(api.service.database, "before_cursor_execute", note)
    monkeypatch.setattr(api.service.embedders.own, "embed_queries", embed)
    monkeypatch.setattr(api.service.embedders.own, "embed_passages", embed)
    await api.ingest("The ferry leaves at noon. Bring a ticket.")
    file = ("file", ("a.zip", lora.zipped(lora.files())))
    await api.http.post("/adapters", data={"name": "legal"}, files=[file])
    question = "When does the ferry leave?"
    for stream in (False, True):
        for adapter in ("base", "legal", "none"):
            body = {"question": question, "stream": stream, "adapter": adapter}
            await api.http.post("/ask", json=body)
        chat = {
            "model": "simurgh:legal",
            "messages": [{"role": "user", "content": question}],
            "stream": stream,
        }
        assert (await api.http.post("/v1/chat/completions", json=chat)).status_code == 200
    api.generator.script = lambda _request: "Dragons breathe fire."
    assert (await api.ask(question))["model"] == "extractive"
    await api.http.post("/search", json={"question": question})
    await api.http.post("/v1/embeddings", json={"model": "x", "input": "y"})
    answer = await api.http.post("/ingest", files=[("file", ("a.txt", b"The moon."))])
    await asyncio.to_thread(api.worker.work, api.service)
    job_id, document_id = answer.json()["job_id"], answer.json()["documents"][0]["document_id"]
    for path in (f"/jobs/{job_id}", f"/jobs/{job_id}/events", f"/documents/{document_id}/text"):
        assert (await api.http.get(path)).status_code == 200
    for path in ("/documents", "/collections", "/adapters", "/v1/models", "/metrics", "/health/ready"):
        assert (await api.http.get(path)).status_code == 200
    for path in (f"/jobs/{job_id}", f"/documents/{document_id}", "/adapters/legal", "/collections/default"):
        assert (await api.http.delete(path)).status_code < 300
    await api.service.adapters.load_waiting("default")
    assert not blocked, blocked[0]
