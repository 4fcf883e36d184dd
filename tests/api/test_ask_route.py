"""POST /ask: whole and streamed, what it refuses, and what it says when it does not know."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import lora
from tests.support.api import WINDOW, Api, make_settings, started
from tests.support.replies import error_of, events_of
from tests.support.worker import Worker

FERRY = "The ferry leaves the harbour at noon. Bring a ticket."
QUESTION = "When does the ferry leave the harbour?"


def says(api: Api, text: str) -> None:
    api.generator.script = lambda _request: text


@pytest.fixture
async def ferry(api: Api) -> Api:
    await api.ingest(FERRY, "A lighthouse keeper lives on the island.")
    says(api, "The ferry leaves the harbour at noon [1]. Dragons breathe [7].")
    return api


async def test_the_whole_answer_has_the_contracts_form(ferry: Api) -> None:
    answer = await ferry.ask(QUESTION)
    assert set(answer) == {
        "answer", "abstained", "reason", "citations", "sources", "unsupported", "groundedness",
        "confidence", "collection", "adapter", "model", "usage", "timings_ms", "request_id",
    }  # fmt: skip
    assert answer["abstained"] is False
    assert (answer["reason"], answer["adapter"], answer["collection"]) == (None, None, "default")
    assert set(answer["usage"]) == {"prompt_tokens", "completion_tokens"}
    assert set(answer["timings_ms"]) == {"retrieve", "first_token", "generate", "total"}
    scores = [source["score"] for source in answer["sources"]]
    assert scores == sorted(scores, reverse=True)


async def test_a_quote_is_the_stored_text_at_its_place(ferry: Api) -> None:
    answer = await ferry.ask(QUESTION)
    [citation] = answer["citations"]
    text = (await ferry.http.get(f"/documents/{citation['document_id']}/text")).text
    assert citation["quote"] == text[citation["start"] : citation["end"]]
    assert answer["sources"][citation["marker"] - 1]["document_id"] == citation["document_id"]
    assert "[1]" in answer["answer"]
    assert "[7]" not in answer["answer"]


async def test_a_stream_tells_sources_then_tokens_then_the_answer(ferry: Api) -> None:
    answer = await ferry.http.post("/ask", json={"question": QUESTION, "stream": True})
    events = events_of(answer)
    names = [name for name, _ in events]
    assert names == ["sources", *["token"] * (len(names) - 2), "answer"]
    assert "".join(data["text"] for name, data in events if name == "token").startswith("The ferry leaves")
    whole = await ferry.ask(QUESTION)
    streamed = events[-1][1]
    for volatile in ("timings_ms", "request_id"):
        del whole[volatile], streamed[volatile]
    assert streamed == whole
    assert events[0][1] == whole["sources"]


@pytest.mark.parametrize(
    ("question", "start"),
    [("Where is gold?", "I cannot"), ("طلا کجاست؟", "نمی‌توانم"), ("黄金在哪里？", "我无法回答")],
)
async def test_an_empty_collection_abstains_in_the_questions_language(
    api: Api, question: str, start: str
) -> None:
    answer = await api.ask(question)
    assert answer["abstained"]
    assert answer["reason"] == "no_documents"
    assert answer["answer"].startswith(start)
    assert answer["sources"] == answer["citations"] == []


@pytest.mark.parametrize(
    ("question", "start"),
    [("Where is gold?", "I do not know"), ("طلا کجاست؟", "نمی‌دانم"), ("黄金在哪里？", "我不知道")],
)
async def test_weak_evidence_abstains_but_shows_what_was_looked_at(
    tmp_path: Path, empty_database: Path, worker: Worker, question: str, start: str
) -> None:
    async with started(make_settings(tmp_path / "var", empty_database, min_confidence=1.0), worker) as api:
        await api.ingest(FERRY)
        answer = await api.ask(question)
        assert answer["reason"] == "weak_evidence"
        assert answer["answer"].startswith(start)
        assert len(answer["sources"]) == 1
        assert api.generator.requests == []


async def test_filters_that_match_nothing_are_not_an_empty_collection(ferry: Api) -> None:
    answer = await ferry.ask(QUESTION, filters={"tag": ["none-such"]})
    assert answer["reason"] == "weak_evidence"


async def test_an_unsupported_answer_becomes_a_quotation(ferry: Api) -> None:
    says(ferry, "Dragons breathe fire over Babylon.")
    answer = await ferry.ask(QUESTION)
    assert answer["model"] == "extractive"
    assert answer["answer"] == "at [1]"  # the word that the fake reader takes
    assert answer["citations"][0]["quote"] == "The ferry leaves the harbour at noon."


async def test_verbatim_keeps_what_no_source_supports(ferry: Api) -> None:
    says(ferry, "Dragons breathe fire over Babylon.")
    answer = await ferry.ask(QUESTION, verbatim=True)
    assert answer["answer"] == "Dragons breathe fire over Babylon."
    assert answer["unsupported"] == ["Dragons breathe fire over Babylon."]
    assert (answer["model"], answer["citations"], answer["groundedness"]) == (lora.BASE_ID, [], 0.0)


async def test_verbatim_has_the_generator_answer_where_the_reader_would(
    tmp_path: Path, empty_database: Path, worker: Worker
) -> None:
    settings = make_settings(tmp_path / "var", empty_database, answer_with="reader")
    async with started(settings, worker) as api:
        await api.ingest(FERRY)
        says(api, "The ferry leaves the harbour at noon [1].")
        assert (await api.ask(QUESTION))["model"] == "extractive"
        answer = await api.ask(QUESTION, verbatim=True)
        assert answer["model"] == lora.BASE_ID
        assert answer["answer"] == "The ferry leaves the harbour at noon. [1]"


async def test_mode_model_asks_without_documents(ferry: Api) -> None:
    says(ferry, "Blue [1].")
    answer = await ferry.ask("What colour is the sky?", mode="model")
    assert (answer["answer"], answer["sources"], answer["citations"]) == ("Blue [1].", [], [])
    assert answer["groundedness"] is None
    assert answer["confidence"] is None
    events = events_of(
        await ferry.http.post("/ask", json={"question": "Colour?", "mode": "model", "stream": True})
    )
    assert [name for name, _ in events] == ["token", "token", "answer"]


async def test_history_stands_before_the_question(ferry: Api) -> None:
    history = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day"}]
    await ferry.ask(QUESTION, history=history)
    roles = [(one.role, one.content[:8]) for one in ferry.generator.requests[-1].messages]
    assert roles[1:3] == [("user", "Hello"), ("assistant", "Good day")]
    assert [role for role, _ in roles] == ["system", "user", "assistant", "user"]


async def test_filters_choose_by_tag_and_metadata(api: Api) -> None:
    payloads = [
        {"id": name, "text": f"The ferry of {name} leaves at noon.", "metadata": {"port": name, "year": 7}}
        for name in ("Piran", "Koper")
    ]
    for payload in payloads:
        await api.http.post("/ingest", json={"payloads": [payload], "tags": [payload["id"].lower()]})
    api.worker.work(api.service)
    for filters in ({"tag": ["koper"]}, {"metadata.port": "Koper"}, {"name": ["Koper", "x"]}):
        answer = await api.ask("When does the ferry leave?", filters=filters)
        assert [source["title"] for source in answer["sources"]] == ["Koper"], filters
    both = await api.ask("When does the ferry leave?", filters={"metadata.year": ["7"]})
    assert len(both["sources"]) == 2


BAD_FIELDS: list[Any] = [
    ({"question": ""}, 422, "invalid_request", "question"),
    ({"question": " \n\t"}, 422, "invalid_request", "question"),
    ({"question": "word " * 20_000}, 422, "question_too_long", "question"),
    ({"top_k": 0}, 422, "invalid_request", "top_k"),
    ({"top_k": 10**6}, 422, "invalid_request", "top_k"),
    ({"top_k": 10**30}, 422, "invalid_request", "top_k"),
    ({"max_tokens": 0}, 422, "invalid_request", "max_tokens"),
    ({"max_tokens": 10**6}, 422, "invalid_request", "max_tokens"),
    ({"temperature": -0.1}, 422, "invalid_request", "temperature"),
    ({"temperature": 2.1}, 422, "invalid_request", "temperature"),
    ({"collection": "none-such"}, 404, "collection_not_found", "collection"),
    ({"adapter": "none-such"}, 404, "adapter_not_found", "adapter"),
    ({"adapter": ""}, 404, "adapter_not_found", "adapter"),
    ({"colection": "x"}, 422, "invalid_request", "colection"),
    ({"mode": "magic"}, 422, "invalid_request", "mode"),
    ({"filters": {"colour": ["red"]}}, 422, "invalid_request", "filters"),
    ({"history": [{"role": "system", "content": "x"}]}, 422, "invalid_request", "history.0.role"),
]


async def test_bad_fields_are_named(ferry: Api) -> None:
    for changes, status, code, param in BAD_FIELDS:
        for stream in (False, True):
            body = {"question": QUESTION, "stream": stream, **changes}
            error_of(await ferry.http.post("/ask", json=body), status, code, param)
        assert ferry.generator.requests == []


@pytest.mark.parametrize("values", [[], ["x"] * 101])
async def test_a_filter_has_values_but_not_endless_ones(ferry: Api, values: list[str]) -> None:
    answer = await ferry.http.post("/ask", json={"question": QUESTION, "filters": {"tag": values}})
    assert answer.status_code == 422
    assert answer.json()["error"]["param"].startswith("filters")


@pytest.mark.parametrize(
    "name", ['metadata.a"b', "metadata.", "metadata.a\\", "metadata.$[0]", "metadata.\n"]
)
async def test_a_strange_filter_name_is_no_fault_of_ours(ferry: Api, name: str) -> None:
    answer = await ferry.http.post("/ask", json={"question": QUESTION, "filters": {name: "x"}})
    assert answer.status_code in (200, 422), answer.text


NO_QUESTIONS: list[Any] = [
    (b"{", "application/json", 400),
    (b"", "application/json", 422),
    (b"[]", "application/json", 422),
    (b'"x"', "application/json", 422),
    (b"\xff\xfe", "application/json", 400),
    (b"[" * 100_000, "application/json", 400),
    (b'{"question": "x", "\\ud800": 1}', "application/json", 422),
    (b'{"question": "\\ud800"}', "application/json", 422),
    (b'{"question": "x", "temperature": NaN}', "application/json", 422),
    (b"question=x", "application/x-www-form-urlencoded", 422),
]


async def test_what_is_no_question_at_all(api: Api) -> None:
    for content, kind, status in NO_QUESTIONS:
        answer = await api.http.post("/ask", content=content, headers={"content-type": kind})
        assert answer.status_code == status, answer.text
        assert set(answer.json()["error"]) == {"code", "message", "param", "type", "request_id"}


async def test_a_question_beyond_the_models_window(
    tmp_path: Path, empty_database: Path, worker: Worker
) -> None:
    settings = make_settings(tmp_path / "var", empty_database, max_question_chars=100_000)
    async with started(settings, worker) as api:
        await api.ingest(FERRY)
        answer = await api.http.post("/ask", json={"question": "ferry " * (WINDOW + 1)})
        error_of(answer, 422, "question_too_long", "question")


async def test_an_engine_that_is_away(ferry: Api) -> None:
    ferry.generator.down = True
    for stream in (False, True):
        answer = await ferry.http.post("/ask", json={"question": QUESTION, "mode": "model", "stream": stream})
        error_of(answer, 503, "engine_unavailable")
        assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("fault", ["down", "broken"])
async def test_a_stream_that_breaks_ends_with_an_error_event(ferry: Api, fault: str) -> None:
    def script(request: Any) -> str:
        if fault == "broken":
            raise ZeroDivisionError("a bug")
        ferry.generator.down = True
        return "Too late."

    ferry.generator.script = script
    events = events_of(await ferry.http.post("/ask", json={"question": QUESTION, "stream": True}))
    assert [name for name, _ in events] == ["sources", "error"]
    error = events[-1][1]["error"]
    assert error["code"] == {"down": "engine_unavailable", "broken": "internal_error"}[fault]
    assert "a bug" not in error["message"]
    assert error["request_id"]


async def test_an_unexpected_error_is_a_500_of_the_contracts_form(ferry: Api) -> None:
    ferry.generator.script = lambda _request: str(1 // 0)
    answer = await ferry.http.post("/ask", json={"question": QUESTION})
    error_of(answer, 500, "internal_error")
    assert "ZeroDivision" not in answer.text


async def test_the_reader_answers_where_no_adapter_is_asked_for(
    tmp_path: Path, empty_database: Path, worker: Worker
) -> None:
    settings = make_settings(tmp_path / "var", empty_database, answer_with="reader")
    async with started(settings, worker) as api:
        await api.ingest(FERRY)
        says(api, "The ferry leaves the harbour at noon [1].")
        read = await api.ask(QUESTION)
        assert (read["model"], read["answer"]) == ("extractive", "at [1]")
        assert (await api.ask(QUESTION, adapter="base"))["model"] == lora.BASE_ID


async def test_what_an_adapter_says_beyond_the_sources_is_named(ferry: Api) -> None:
    says(ferry, "The ferry leaves the harbour at noon [1]. Dragons breathe fire.")
    files = [("file", ("a.zip", lora.zipped(lora.files())))]
    assert (await ferry.http.post("/adapters", data={"name": "legal"}, files=files)).status_code == 201
    answer = await ferry.ask(QUESTION, adapter="legal")
    assert answer["answer"].endswith("Dragons breathe fire.")
    assert answer["unsupported"][-1] == "Dragons breathe fire."
    base = await ferry.ask(QUESTION)
    assert "Dragons" not in base["answer"]


async def test_an_answer_of_a_schema_is_json_that_follows_it(ferry: Api) -> None:
    hour: dict[str, Any] = {"type": "string"}
    schema = {"type": "object", "properties": {"hour": hour}}
    says(ferry, "At noon.")
    answer = await ferry.ask(QUESTION, mode="model", schema=schema)
    assert json.loads(answer["answer"]) == {"hour": "At noon."}
    assert ferry.generator.requests[-1].schema == schema
    refused = await ferry.http.post("/ask", json={"question": QUESTION, "schema": schema})
    error_of(refused, 422, "invalid_request", "schema")
    asked = len(ferry.generator.requests)
    hour["pattern"] = "(a{1,9999}){1,9999}"
    refused = await ferry.http.post("/ask", json={"question": QUESTION, "mode": "model", "schema": schema})
    assert "pattern" in error_of(refused, 422, "invalid_schema", "schema")["message"]
    assert len(ferry.generator.requests) == asked
