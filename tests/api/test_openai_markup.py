"""What clients that render Markdown are given: no markup of a document's, and links to its page."""

import json

from tests.support.api import Api

FACT = "The ferry ![now](https://evil.example/x.png?q=1) leaves the harbour at noon."


async def test_the_markup_of_a_source_is_broken_in_an_answer(api: Api) -> None:
    [document_id] = await api.ingest(FACT)
    body = {"model": "simurgh", "messages": [{"role": "user", "content": FACT}]}
    whole = (await api.http.post("/v1/chat/completions", json=body)).json()["choices"][0]["message"]
    assert "evil.example" in whole["content"]
    assert "](" not in whole["content"]
    [cited] = [one["url_citation"] for one in whole["annotations"]]
    assert cited["url"].startswith(f"http://testserver/documents/{document_id}/view?start=")
    assert cited["url"].endswith("#span")
    marker = whole["content"][cited["start_index"] : cited["end_index"]]
    assert marker == "[1]"
    page = await api.http.get(cited["url"])
    assert '<mark id="span"' in page.text

    streamed = await api.http.post("/v1/chat/completions", json={**body, "stream": True})
    chunks = [
        line.removeprefix("data: ") for line in streamed.text.splitlines() if line.startswith("data: {")
    ]
    deltas = [json.loads(chunk)["choices"][0]["delta"] for chunk in chunks]
    text = "".join(delta.get("content", "") for delta in deltas)
    assert "evil.example" in text
    assert "](" not in text
