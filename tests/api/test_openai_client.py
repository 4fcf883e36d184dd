"""The official client, unmodified, against a real server."""

import base64
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.support import lora
from tests.support.api import Server, make_settings, served
from tests.support.worker import Worker

KEY = "a-long-enough-key-of-ours"
ASKED: Any = [{"role": "user", "content": "When does the ferry leave the harbour?"}]


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory, empty_database: Path, worker: Worker) -> Iterator[Server]:
    """With a key, a collection, an adapter and a document."""
    settings = make_settings(tmp_path_factory.mktemp("openai"), empty_database, api_key=KEY)
    with served(settings, worker) as made:
        made.generator.script = lambda _request: "The ferry leaves the harbour at noon [1]."
        made.ingest("Ferries are old. The ferry leaves the harbour at noon. Bring a ticket.")
        assert made.http.post("/collections", json={"name": "letters"}).status_code == 201
        files = [("file", ("a.zip", lora.zipped(lora.files())))]
        assert made.http.post("/adapters", data={"name": "legal"}, files=files).json()["status"] == "ready"
        yield made


@pytest.fixture
def client(keyed: Server) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{keyed.url}/v1", api_key=KEY, max_retries=0, timeout=20) as made:
        yield made


@pytest.fixture
async def async_client(keyed: Server) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{keyed.url}/v1", api_key=KEY, max_retries=0, timeout=20) as made:
        yield made


def test_models(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["simurgh", "simurgh:legal", "simurgh/letters", "simurgh/letters:legal"]
    for name in names:
        assert client.models.retrieve(name).id == name
    for name in ("gpt-4", "simurgh/none", "simurgh:none", "simurgh/letters:none"):
        with pytest.raises(openai.NotFoundError) as caught:
            client.models.retrieve(name)
        assert caught.value.code == "model_not_found"


def test_a_whole_completion(client: OpenAI) -> None:
    made = client.chat.completions.create(model="simurgh", messages=ASKED, temperature=0, max_tokens=50)
    [choice] = made.choices
    assert choice.message.content == "The ferry leaves the harbour at noon. [1]"
    assert (choice.finish_reason, choice.message.role, made.object) == (
        "stop",
        "assistant",
        "chat.completion",
    )
    assert made.model == "simurgh"
    assert made.usage is not None
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens > 0
    assert choice.message.annotations is not None
    [annotation] = choice.message.annotations
    assert annotation.type == "url_citation"
    where = annotation.url_citation
    assert choice.message.content[where.start_index : where.end_index] == "[1]"
    assert "/documents/" in where.url


def test_the_url_of_a_citation_opens(client: OpenAI, keyed: Server) -> None:
    made = client.chat.completions.create(model="simurgh", messages=ASKED)
    assert made.choices[0].message.annotations is not None
    url = made.choices[0].message.annotations[0].url_citation.url
    assert "harbour at noon" in keyed.http.get(url).text


def test_a_stream(client: OpenAI) -> None:
    text, annotations, finish = "", None, None
    for chunk in client.chat.completions.create(model="simurgh", messages=ASKED, stream=True):
        text += chunk.choices[0].delta.content or ""
        annotations = getattr(chunk.choices[0].delta, "annotations", None) or annotations
        finish = chunk.choices[0].finish_reason or finish
        assert chunk.object == "chat.completion.chunk"
    assert text == "The ferry leaves the harbour at noon [1]."
    assert finish == "stop"
    assert annotations is not None
    where = annotations[0]["url_citation"]
    assert text[where["start_index"] : where["end_index"]] == "[1]"


def test_a_stream_with_its_usage(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="simurgh", messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0
    assert chunks[-1].choices == []
    assert all(chunk.choices for chunk in chunks[:-1])


def test_the_clients_own_stream_helper(client: OpenAI) -> None:
    with client.chat.completions.stream(model="simurgh", messages=ASKED) as stream:
        stream.until_done()
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "The ferry leaves the harbour at noon [1]."


def test_sources_for_open_web_ui(client: OpenAI) -> None:
    events = []
    for chunk in client.chat.completions.create(model="simurgh", messages=ASKED, stream=True):
        assert chunk.choices[0].delta.content is None or isinstance(chunk.choices[0].delta.content, str)
        events += [chunk.model_extra["event"]] if chunk.model_extra and "event" in chunk.model_extra else []
    assert [event["type"] for event in events] == ["source"]
    assert events[0]["data"]["document"] == ["The ferry leaves the harbour at noon."]


@pytest.mark.parametrize(
    ("model", "adapter", "abstains"),
    [
        ("simurgh", None, False),
        ("simurgh:legal", "legal", False),
        ("simurgh:base", None, False),
        ("simurgh/default:legal", "legal", False),
        ("simurgh/letters", None, True),
        ("simurgh/letters:legal", None, True),
    ],
)
def test_names_of_models(
    client: OpenAI, keyed: Server, model: str, adapter: str | None, abstains: bool
) -> None:
    before = len(keyed.generator.requests)
    made = client.chat.completions.create(model=model, messages=ASKED)
    requests = keyed.generator.requests[before:]
    assert (requests == []) is abstains
    if abstains:
        assert "no documents" in (made.choices[0].message.content or "")
    else:
        asked = requests[0].adapter
        assert (asked.name.partition("@")[0] if asked else None) == adapter


def test_a_conversation(client: OpenAI, keyed: Server) -> None:
    first = client.chat.completions.create(model="simurgh", messages=ASKED)
    messages: Any = [
        {"role": "system", "content": "Be brief."},
        *ASKED,
        first.choices[0].message.model_dump(exclude_none=True),
        {"role": "user", "content": [{"type": "text", "text": "Does the ferry leave the harbour?"}]},
    ]
    made = client.chat.completions.create(model="simurgh", messages=messages)
    assert made.choices[0].message.content
    assert [one.role for one in keyed.generator.requests[-1].messages] == [
        "system",
        "user",
        "assistant",
        "user",
    ]


def test_an_abstention_streams_its_text(client: OpenAI) -> None:
    stream = client.chat.completions.create(model="simurgh/letters", messages=ASKED, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert text.startswith("I cannot answer")


def test_what_no_source_supports_is_followed_by_a_quotation(client: OpenAI, keyed: Server) -> None:
    kept = keyed.generator.script
    keyed.generator.script = lambda _request: "Dragons breathe fire [1]."
    try:
        text, annotations = "", []
        for chunk in client.chat.completions.create(model="simurgh", messages=ASKED, stream=True):
            text += chunk.choices[0].delta.content or ""
            annotations = getattr(chunk.choices[0].delta, "annotations", None) or annotations
    finally:
        keyed.generator.script = kept
    assert text.endswith("\n\nat [1]")  # the word that the fake reader takes
    where = annotations[0]["url_citation"]
    assert (where["start_index"], where["end_index"]) == (len(text) - 3, len(text))


def test_errors_are_the_clients_own(client: OpenAI, keyed: Server) -> None:
    create = client.chat.completions.create
    for model in ("gpt-4", "simurgh/none", "simurgh:none", "simurg"):
        for stream in (False, True):
            with pytest.raises(openai.NotFoundError) as missing:
                create(model=model, messages=ASKED, stream=stream)
            assert missing.value.request_id
            assert missing.value.body["message"]  # type: ignore[index, call-overload]
    wrong: list[dict[str, Any]] = [
        {"messages": []},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "assistant", "content": "hi"}]},
        {"messages": [{"role": "tool", "content": "hi", "tool_call_id": "x"}]},
        {"messages": ASKED, "temperature": 3},
        {"messages": ASKED, "max_tokens": 0},
        {"messages": ASKED, "max_tokens": 10**6},
        {"messages": ASKED, "n": 2},
        {"messages": ASKED, "extra_body": {"no_such_field": 1}},
        {"messages": [{"role": "user", "content": "x" * 100_000}]},
    ]
    for options in wrong:
        with pytest.raises(openai.UnprocessableEntityError):
            create(model="simurgh", **options)
    with pytest.raises(openai.AuthenticationError):
        OpenAI(base_url=f"{keyed.url}/v1", api_key="wrong", max_retries=0).models.list()
    keyed.generator.down = True
    try:
        with pytest.raises(openai.InternalServerError) as away:
            create(model="simurgh", messages=ASKED)
        assert away.value.code == "engine_unavailable"
        assert away.value.response.headers["retry-after"]
        with pytest.raises(openai.APIError, match="down"):
            list(create(model="simurgh", messages=ASKED, stream=True))
    finally:
        keyed.generator.down = False


def test_embeddings(client: OpenAI, keyed: Server) -> None:
    texts = ["The ferry leaves.", "سلام", "长城"]
    floats = client.embeddings.create(model="any", input=texts, encoding_format="float")
    plain = client.embeddings.create(model="any", input=texts)
    coded = client.embeddings.create(model="any", input=texts[0], encoding_format="base64")
    assert [one.index for one in floats.data] == [0, 1, 2]
    assert len(floats.data[0].embedding) == 64
    assert [one.embedding for one in plain.data] == [pytest.approx(one.embedding) for one in floats.data]
    raw = base64.b64decode(coded.data[0].embedding)  # type: ignore[arg-type]
    assert struct.unpack(f"<{len(raw) // 4}f", raw) == pytest.approx(floats.data[0].embedding)
    assert floats.usage.total_tokens > 0
    for wrong in ([], [""], "", ["x"] * 257):
        with pytest.raises(openai.UnprocessableEntityError):
            client.embeddings.create(model="any", input=wrong)


async def test_the_asynchronous_client(async_client: AsyncOpenAI) -> None:
    assert "simurgh" in [model.id async for model in async_client.models.list()]
    made = await async_client.chat.completions.create(model="simurgh", messages=ASKED)
    assert made.choices[0].message.annotations
    text = ""
    async for chunk in await async_client.chat.completions.create(
        model="simurgh", messages=ASKED, stream=True
    ):
        text += chunk.choices[0].delta.content or ""
    assert text == "The ferry leaves the harbour at noon [1]."
    with pytest.raises(openai.NotFoundError):
        await async_client.chat.completions.create(model="none", messages=ASKED)
    vectors = await async_client.embeddings.create(model="any", input=["a"], encoding_format="float")
    assert len(vectors.data) == 1
