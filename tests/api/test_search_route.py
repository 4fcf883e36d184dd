"""POST /search: the retrieval of an answer without the answer."""

from tests.support.api import Api
from tests.support.replies import error_of

QUESTION = "When does the ferry leave?"


async def test_the_same_passages_as_in_an_answer(api: Api) -> None:
    await api.ingest("The ferry leaves at noon.", "A lighthouse stands there.", "Dragons sleep.")
    found = (await api.http.post("/search", json={"question": QUESTION, "top_k": 2})).json()
    assert set(found) == {"sources", "timings_ms"}
    assert len(found["sources"]) == 2
    assert found["sources"] == (await api.ask(QUESTION, top_k=2))["sources"]
    assert api.generator.requests == [] or found["timings_ms"]["retrieve"] > 0


async def test_filters(api: Api) -> None:
    await api.ingest("The ferry leaves at noon.", tags=["sea"])
    await api.ingest("The ferry leaves at one.", tags=["lake"])
    body = {"question": QUESTION, "filters": {"tag": "lake"}}
    found = (await api.http.post("/search", json=body)).json()
    assert [source["text"] for source in found["sources"]] == ["The ferry leaves at one."]


async def test_an_empty_collection_has_no_passages(api: Api) -> None:
    assert (await api.http.post("/search", json={"question": QUESTION})).json()["sources"] == []


async def test_bad_fields(api: Api) -> None:
    for body, status, code, param in [
        ({}, 422, "invalid_request", "question"),
        ({"question": ""}, 422, "invalid_request", "question"),
        ({"question": "x" * 20_001}, 422, "question_too_long", "question"),
        ({"question": "x", "top_k": 0}, 422, "invalid_request", "top_k"),
        ({"question": "x", "top_k": 101}, 422, "invalid_request", "top_k"),
        ({"question": "x", "collection": "none-such"}, 404, "collection_not_found", "collection"),
        ({"question": "x", "adapter": "y"}, 422, "invalid_request", "adapter"),
        ({"question": "x", "filters": {"no": "y"}}, 422, "invalid_request", "filters"),
    ]:
        error_of(await api.http.post("/search", json=body), status, code, param)
