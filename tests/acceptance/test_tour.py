"""The main job on real parts: PDF, page and payload in; cited answers out, by a real vLLM engine."""

import json
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from tests.support.pages import Pages
from tests.support.service import RunningService

SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
COLLECTION = "tour"

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def filled(service: RunningService, pages: Pages) -> RunningService:
    pages["/visitors"] = ((SAMPLES / "visitors-fa.html").read_bytes(), "text/html; charset=utf-8")
    assert service.http.post("/collections", json={"name": COLLECTION}).status_code == 201
    with (SAMPLES / "handbook-en.pdf").open("rb") as pdf:
        jobs = [
            service.ingest(
                files={"file": ("handbook-en.pdf", pdf)}, data={"collection": COLLECTION, "tags": "pdf"}
            )
        ]
    payloads = json.loads((SAMPLES / "tickets-zh.json").read_text("utf-8"))["payloads"]
    jobs.append(service.ingest({"collection": COLLECTION, "payloads": payloads}))
    jobs.append(service.ingest({"collection": COLLECTION, "urls": [pages.url + "/visitors"]}))
    for job in jobs:
        assert job["status"] == "succeeded", job
        assert all(one["status"] == "done" and one["chunks"] > 0 for one in job["documents"]), job
    return service


def check_citations(service: RunningService, answer: dict[str, Any]) -> None:
    """Every quotation is the stored text at its offsets, and every marker points at its source."""
    assert answer["citations"], answer
    for citation in answer["citations"]:
        text = service.http.get(f"/documents/{citation['document_id']}/text").text
        assert text[citation["start"] : citation["end"]] == citation["quote"]
        assert f"[{citation['marker']}]" in answer["answer"]
        source = answer["sources"][citation["marker"] - 1]
        assert source["chunk_id"] == citation["chunk_id"]
        assert source["start"] <= citation["start"] < citation["end"] <= source["end"]
    for source in answer["sources"]:
        text = service.http.get(f"/documents/{source['document_id']}/text").text
        assert text[source["start"] : source["end"]] == source["text"]


def questions() -> list[Any]:
    found = json.loads((SAMPLES / "questions.json").read_text("utf-8"))
    return [pytest.param(one, id=f"{one['language']}-{number}") for number, one in enumerate(found)]


@pytest.mark.parametrize("question", questions())
def test_each_question_is_answered_with_its_citation(
    filled: RunningService, question: dict[str, Any]
) -> None:
    answer = filled.ask(question["question"], collection=COLLECTION, top_k=3, max_tokens=64)
    assert not answer["abstained"], answer
    check_citations(filled, answer)
    cited = [answer["sources"][citation["marker"] - 1] for citation in answer["citations"]]
    assert any(question["answer"] in source["text"] for source in cited), answer
    assert cited[0]["page"] == question["page"]


@pytest.mark.parametrize(("adapter", "tokens"), [("base", range(4, 49)), (None, range(1, 2))])
def test_a_stream_ends_in_the_same_answer(filled: RunningService, adapter: str | None, tokens: range) -> None:
    """The generator's words come as it writes them; the source's own come at once."""
    body = {
        "question": "When was Alborz Station founded?",
        "adapter": adapter,
        "collection": COLLECTION,
        "top_k": 3,
        "max_tokens": 48,
    }
    whole = filled.ask(**body)
    events: list[tuple[str, Any]] = []
    with filled.http.stream("POST", "/ask", json={**body, "stream": True}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in response.iter_lines():
            if line.startswith("event:"):
                name = line.removeprefix("event:").strip()
            elif line.startswith("data:"):
                events.append((name, json.loads(line.removeprefix("data:"))))
    names = [name for name, _ in events]
    assert names[0] == "sources"
    assert names[-1] == "answer"
    assert names.count("token") == len(names) - 2
    assert names.count("token") in tokens
    assert events[-1][1]["answer"] == whole["answer"]


def test_asking_again_costs_nothing_to_ingest(filled: RunningService) -> None:
    with (SAMPLES / "handbook-en.pdf").open("rb") as pdf:
        answer = filled.http.post(
            "/ingest", files={"file": ("again.pdf", pdf)}, data={"collection": COLLECTION}
        ).json()
    assert [one["status"] for one in answer["documents"]] == ["unchanged"]


def test_a_changed_page_replaces_the_old_one(filled: RunningService, pages: Pages) -> None:
    address = pages.url + "/hours"
    for hour in ("seven", "eleven"):
        text = f"<h1>Museum</h1><p>The wax museum opens at {hour}.</p>"
        html = f"<html><body><article>{text}</article></body></html>"
        pages["/hours"] = (html.encode(), "text/html")
        job = filled.ingest({"collection": COLLECTION, "urls": [address]})
        assert job["documents"][0]["status"] == "done", job
        found = filled.http.post(
            "/search", json={"question": "wax museum hours", "collection": COLLECTION}
        ).json()
        texts = [one["text"] for one in found["sources"] if one["uri"] == address]
        assert len(texts) == 1
        assert hour in texts[0]
    assert (
        filled.ingest({"collection": COLLECTION, "urls": [address]})["documents"][0]["status"] == "unchanged"
    )


def test_what_is_deleted_is_gone(filled: RunningService) -> None:
    job = filled.ingest(
        {
            "collection": COLLECTION,
            "payloads": [{"id": "secret", "text": "The password of the vault is xyzzy."}],
        }
    )
    document = job["documents"][0]["document_id"]
    query = {"question": "What is the password of the vault?", "collection": COLLECTION}
    assert "xyzzy" in filled.http.post("/search", json=query).text
    assert filled.http.delete(f"/documents/{document}").status_code == 204
    assert "xyzzy" not in filled.http.post("/search", json=query).text
    assert filled.http.get(f"/documents/{document}/text").status_code == 404


def test_bad_files_fail_alone(filled: RunningService) -> None:
    files = [
        ("file", ("good.md", b"# Tea\n\nThe tea house serves jasmine tea.")),
        ("file", ("cut.pdf", (SAMPLES / "handbook-en.pdf").read_bytes()[:700])),
        ("file", ("empty.txt", b"")),
        ("file", ("bad.txt", b"caf\xe9 \xff\xfe")),
        ("file", ("archive.zip", b"PK\x03\x04rest")),
        ("file", ("really-a-pdf.html", (SAMPLES / "handbook-en.pdf").read_bytes() + b"\n")),
    ]
    job = filled.ingest(files=files, data={"collection": COLLECTION})
    assert job["status"] == "succeeded"
    ended = {one["name"]: (one["status"], (one["error"] or {}).get("code")) for one in job["documents"]}
    assert ended == {
        "good.md": ("done", None),
        "cut.pdf": ("failed", "corrupt_pdf"),
        "empty.txt": ("failed", "empty"),
        "bad.txt": ("failed", "not_utf8"),
        "archive.zip": ("failed", "unsupported_type"),
        "really-a-pdf.html": ("done", None),
    }


def test_the_official_client_works_unmodified(filled: RunningService) -> None:
    client = OpenAI(base_url=filled.url + "/v1", api_key="unused")
    assert f"simurgh/{COLLECTION}" in [model.id for model in client.models.list()]
    asked: Any = {
        "model": f"simurgh/{COLLECTION}",
        "messages": [{"role": "user", "content": "Who is the leader of the rescue team?"}],
        "max_tokens": 48,
    }
    whole = client.chat.completions.create(**asked).choices[0].message
    assert "Mina Sattari" in (whole.content or "")
    assert whole.annotations
    assert whole.annotations[0].type == "url_citation"
    stream = client.chat.completions.create(**asked, stream=True)
    chunks = [chunk.choices[0] for chunk in stream]
    assert "Mina Sattari" in "".join(choice.delta.content or "" for choice in chunks)
    assert chunks[-1].finish_reason == "stop"
    client.close()
