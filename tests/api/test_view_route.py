"""The page of a document's text, over HTTP."""

import asyncio

from tests.support.api import Api
from tests.support.replies import error_of

TEXT = "The ferry leaves at noon.\n\nقایق ظهر می‌رود. 👋🏽 <b>渡轮</b>"


async def upload(api: Api, content: str = TEXT) -> str:
    answer = await api.http.post("/ingest", files=[("file", ("guide.txt", content.encode(), "text/plain"))])
    await asyncio.to_thread(api.worker.work, api.service)
    return str(answer.json()["documents"][0]["document_id"])


async def test_a_citation_opens_where_it_stands(api: Api) -> None:
    document_id = await upload(api)
    [source] = (await api.http.post("/search", json={"question": "ferry"})).json()["sources"]
    span = {"start": source["start"], "end": source["start"] + len("The ferry")}
    answer = await api.http.get(f"/documents/{document_id}/view", params=span)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert '<mark id="span" tabindex="-1" autofocus>The ferry</mark> leaves at noon.</p>' in answer.text
    assert "&lt;b&gt;渡轮&lt;/b&gt;" in answer.text


async def test_its_policy_lets_nothing_run(api: Api) -> None:
    document_id = await upload(api)
    answer = await api.http.get(f"/documents/{document_id}/view")
    policies = answer.headers.get_list("content-security-policy")
    assert any(policy.startswith("default-src 'none'; style-src 'self';") for policy in policies)
    assert answer.headers["referrer-policy"] == "no-referrer"
    style = await api.http.get("/static/view.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "url(" not in style.text


async def test_it_speaks_the_readers_language(api: Api) -> None:
    document_id = await upload(api)
    for asked, language in (("de, fa;q=0.8", "fa"), ("zh-CN,en", "zh"), ("de", "en"), ("", "en")):
        answer = await api.http.get(f"/documents/{document_id}/view", headers={"accept-language": asked})
        assert f'<html lang="{language}"' in answer.text


async def test_what_is_no_span(api: Api) -> None:
    document_id = await upload(api)
    address = f"/documents/{document_id}/view"
    length = len((await api.http.get(f"/documents/{document_id}/text")).content.decode())
    assert (await api.http.get(f"{address}?start=0&end={length}")).status_code == 200
    for query, param in (
        (f"start=0&end={length + 1}", "end"),
        ("start=5&end=5", "start"),
        ("start=5", "end"),
        ("end=5", "start"),
        ("start=-1&end=5", "start"),
        ("start=x&end=5", "start"),
        (f"start=0&end=1{'0' * 5000}", "end"),
        (f"at={length + 1}", "at"),
    ):
        error_of(await api.http.get(f"{address}?{query}"), 422, "invalid_request", param)


async def test_what_is_not_there(api: Api) -> None:
    error_of(await api.http.get("/documents/none/view"), 404, "document_not_found", "document_id")
    document_id = await upload(api)
    await api.http.delete(f"/documents/{document_id}")
    error_of(await api.http.get(f"/documents/{document_id}/view"), 404, "document_not_found", "document_id")
