"""Whatever JSON is sent to whatever route, it is never our fault."""

import json
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import lora
from tests.support.api import Server, make_settings, served
from tests.support.worker import Worker

TEXT = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    st.sampled_from(["default", "base", "legal", "", "none-such", "a b", "\x00", "'; --", "م", "信" * 70])
    | TEXT
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool"]), "content": TEXT | JSON}
)
FILTERS = st.dictionaries(
    st.sampled_from(["tag", "document_id", "name", "source", "media_type"])
    | TEXT.map(lambda name: f"metadata.{name}"),
    TEXT | st.lists(TEXT, max_size=3),
    max_size=2,
)
SEARCH = {"question": TEXT, "collection": NAMES, "top_k": st.integers(-2, 200), "filters": FILTERS}
ASK = SEARCH | {
    "adapter": st.none() | NAMES,
    "history": st.lists(MESSAGE, max_size=3),
    "mode": st.sampled_from(["rag", "model", "x"]),
    "stream": st.booleans(),
    "max_tokens": st.integers(-1, 5000),
    "temperature": st.floats(),
    "schema": st.deferred(lambda: SCHEMA | JSON),
    "verbatim": st.booleans(),
}
COMPARE = {
    "questions": st.lists(
        st.fixed_dictionaries(
            {"question": TEXT}, optional={"answers": st.lists(TEXT, max_size=2), "document": TEXT}
        ),
        max_size=2,
    ),
    "collection": NAMES,
    "adapter": st.none() | NAMES,
    "top_k": st.integers(-2, 200),
    "max_tokens": st.integers(-1, 50),
    "changes": st.sampled_from(["daily", "never", "x"]),
    "style": st.booleans(),
}
PAYLOAD = st.fixed_dictionaries(
    {"id": TEXT}, optional={"text": TEXT, "data": JSON, "metadata": JSON, "title": TEXT}
)
INGEST = {
    "collection": NAMES,
    "tags": st.lists(TEXT, max_size=2),
    "urls": st.lists(TEXT | TEXT.map(lambda rest: f"http://{rest}"), max_size=2),
    "payloads": st.lists(PAYLOAD, max_size=2),
}
CHAT = {
    "model": st.sampled_from(["simurgh", "simurgh/default", "simurgh:legal", "simurgh/:"]) | TEXT,
    "messages": st.lists(MESSAGE, min_size=1, max_size=3),
    "stream": st.booleans(),
    "max_tokens": st.none() | st.integers(-1, 5000),
}
FEEDBACK = {
    "request_id": TEXT.map(lambda rest: f"r{rest}"),
    "question": TEXT,
    "answer": TEXT,
    "chunk_ids": st.lists(st.integers(), max_size=3),
    "collection": NAMES,
    "rating": st.sampled_from(["up", "down", "x"]),
    "correction": st.none() | TEXT,
    "comment": st.none() | TEXT,
}
SCHEMA = st.recursive(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "integer", "boolean", "object", "array", "x"])},
        optional={"maxLength": st.integers(), "enum": JSON, "pattern": TEXT, "items": JSON},
    ),
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(TEXT, inner, max_size=3)},
        optional={"required": st.lists(TEXT, max_size=2)},
    ),
    max_leaves=4,
)
BODIES: list[tuple[str, str, dict[str, st.SearchStrategy[Any]], str]] = [
    ("POST", "/ask", ASK, "question"),
    ("POST", "/search", SEARCH, "question"),
    ("POST", "/compare", COMPARE, "questions"),
    ("POST", "/ingest", INGEST, "payloads"),
    ("POST", "/collections", {"name": NAMES, "description": TEXT, "default_adapter": NAMES}, "name"),
    (
        "PATCH",
        "/collections/default",
        {"description": st.none() | TEXT, "default_adapter": NAMES},
        "description",
    ),
    (
        "PATCH",
        "/documents/none-such",
        {"name": TEXT, "tags": st.lists(TEXT, max_size=2), "metadata": JSON, "collection": NAMES},
        "name",
    ),
    ("POST", "/feedback", FEEDBACK, "rating"),
    ("POST", "/v1/chat/completions", CHAT, "messages"),
    ("POST", "/v1/embeddings", {"model": TEXT, "input": TEXT | st.lists(TEXT, max_size=3)}, "input"),
]
few = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def target(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, worker: Worker
) -> Iterator[Server]:
    with served(make_settings(tmp_path_factory.mktemp("fuzz"), empty_database), worker) as made:
        made.ingest("The ferry leaves at noon.")
        files = [("file", ("a.zip", lora.zipped(lora.files())))]
        made.http.post("/adapters", data={"name": "legal"}, files=files)
        yield made


def check(target: Server, method: str, path: str, **options: Any) -> None:
    answer = target.http.request(method, path, **options)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert set(answer.json()["error"]) == {"code", "message", "param", "type", "request_id"}
    elif "text/event-stream" in answer.headers["content-type"]:
        assert "internal_error" not in answer.text


@pytest.mark.parametrize(("method", "path", "fields", "needed"), BODIES, ids=lambda one: str(one)[:30])
@few
@given(data=st.data())
def test_bodies_of_the_right_fields(
    target: Server,
    method: str,
    path: str,
    fields: dict[str, st.SearchStrategy[Any]],
    needed: str,
    data: st.DataObject,
) -> None:
    chosen = data.draw(st.sets(st.sampled_from(sorted(fields)))) | {needed}
    body = data.draw(st.fixed_dictionaries({name: fields[name] for name in sorted(chosen)}))
    if data.draw(st.integers(0, 3)) == 0:
        body[data.draw(st.sampled_from(sorted(fields)) | TEXT)] = data.draw(JSON)
    content = json.dumps(body, ensure_ascii=data.draw(st.booleans())).encode("utf-8", "surrogatepass")
    check(target, method, path, content=content, headers={"content-type": "application/json"})


@few
@given(path=st.sampled_from([path for _, path, _, _ in BODIES]), content=JSON.map(json.dumps) | st.binary())
def test_bodies_of_anything(target: Server, path: str, content: str | bytes) -> None:
    method = "PATCH" if path.endswith("default") else "POST"
    check(target, method, path, content=content, headers={"content-type": "application/json"})


@few
@given(
    method=st.sampled_from(["GET", "DELETE"]),
    route=st.sampled_from(
        ["/jobs/", "/documents/", "/collections/", "/adapters/", "/feedback/", "/v1/models/", "/"]
    ),
    name=st.text(string.printable + "م信\u200c\x00", min_size=1, max_size=20).filter(
        lambda name: name not in (".", "..", "default", "legal")
    ),
)
def test_names_in_paths(target: Server, method: str, route: str, name: str) -> None:
    from urllib.parse import quote

    check(target, method, route + quote(name, safe=""), follow_redirects=True)


@few
@given(route=st.sampled_from(["documents", "collections", "adapters", "feedback"]), limit=TEXT, after=TEXT)
def test_parameters_of_lists(target: Server, route: str, limit: str, after: str) -> None:
    check(target, "GET", f"/{route}", params={"limit": limit, "after": after, "collection": after})
