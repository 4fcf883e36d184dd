"""Requests made to take the API process down: each is answered, none with 500, and it lives on."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.hostile.corpus import corpus
from tests.hostile.parts import Hostile
from tests.support.api import Server, make_settings, served
from tests.support.worker import Worker

MIB = 1 << 20
EVERY = 6  # of the hostile files, of every kind some
LARGEST = MIB  # bytes that the worker of the tests takes
SLOWEST = 5.0  # seconds until an answer that the process lives


@pytest.fixture(scope="module")
def target(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, worker: Worker
) -> Iterator[Server]:
    settings = make_settings(tmp_path_factory.mktemp("hostile"), empty_database, max_upload_mib=8)
    with served(settings, worker) as made:
        yield made


def part(name: str, content: str = "x", more: str = "") -> str:
    return (
        f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="a.txt"\r\n{more}\r\n{content}\r\n'
    )


MULTIPART: dict[str, Callable[[], bytes]] = {
    "no boundary is ever met": lambda: b"-" * 4 * MIB,
    "a boundary without end": lambda: b"--b" + b"b" * 4 * MIB,
    "a header without end": lambda: b"--b\r\nContent-Disposition: " + b"x" * 4 * MIB,
    "headers without end": lambda: b"--b\r\n" + b"X-A: a\r\n" * 200_000,
    "a header's name without end": lambda: b"--b\r\n" + b"X" * 2 * MIB + b": a\r\n\r\n",
    "parts without end": lambda: (part("file") * 20_000 + "--b--").encode(),
    "fields without end": lambda: b"".join(
        b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n' % n for n in range(20_000)
    ),
    "a field of four megabytes": lambda: (
        b'--b\r\nContent-Disposition: form-data; name="tags"\r\n\r\n' + b"a" * 4 * MIB + b"\r\n--b--"
    ),
    "a name of a megabyte": lambda: (
        (part("file", more="X-A: " + "a" * 100) + "--b--").encode().replace(b"a.txt", b"a" * MIB)
    ),
    "names that climb": lambda: (part("file") + "--b--").encode().replace(b"a.txt", b"../../etc/passwd\\0"),
    "parameters without end": lambda: (
        (part("file") + "--b--").encode().replace(b'"a.txt"', b'"a.txt"' + b"; a=b" * 500)
    ),
    "a charset that is none": lambda: (
        part("file", more="Content-Type: text/plain; charset=zip\r\n") + "--b--"
    ).encode(),
    "half a file": lambda: part("file").encode(),
    "ends within ends": lambda: b"--b--" * 100_000,
    "only line ends": lambda: b"\r\n" * MIB,
    "nothing": lambda: b"",
}


# Starlette leaves the file of a part that never ended to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", MULTIPART)
def test_multipart(target: Server, name: str) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = target.http.post("/ingest", content=MULTIPART[name](), headers=headers, timeout=30)
    assert answer.status_code == 202 or 400 <= answer.status_code < 500, answer.text[:300]
    assert lives(target) < SLOWEST


@pytest.mark.parametrize(
    "kind",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "b" * 5000,
     "multipart/form-data; boundary=\xe9", "multipart/form-data;" + " ;" * 5000,
     "application/json; charset=utf-7"],
)  # fmt: skip
def test_content_types(target: Server, kind: str) -> None:
    headers = {"content-type": kind.encode("latin-1")}
    answer = target.http.post("/ingest", content=b"--b\r\n\r\n", headers=headers)  # type: ignore[arg-type]
    assert 400 <= answer.status_code < 500, answer.text[:300]


JSON: dict[str, Callable[[], bytes]] = {
    "arrays in arrays": lambda: b"[" * MIB,
    "arrays that end": lambda: b'{"payloads": %b%b}' % (b"[" * 100_000, b"]" * 100_000),
    "objects in objects": lambda: b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "data nested within reason": lambda: (
        b'{"payloads": [{"id": "a", "data": %b1%b}]}' % (b"[" * 150, b"]" * 150)
    ),
    "data nested beyond": lambda: b'{"payloads": [{"id": "a", "data": %b1%b}]}' % (b"[" * 5000, b"]" * 5000),
    "metadata nested": lambda: (
        b'{"payloads": [{"id": "a", "text": "x", "metadata": %b1%b}]}' % (b'{"a":' * 190, b"}" * 190)
    ),
    "a number of a million digits": lambda: b'{"payloads": [{"id": "a", "data": [%b]}]}' % (b"9" * MIB),
    "a float of a million digits": lambda: b'{"payloads": [{"id": "a", "data": [0.%b]}]}' % (b"9" * MIB),
    "numbers beyond": lambda: b'{"payloads": [{"id": "a", "data": [1e999999, -1e999999, NaN]}]}',
    "a text of four megabytes": lambda: b'{"question": "%b"}' % (b"a" * 4 * MIB),
    "half surrogates": lambda: b'{"question": "%b"}' % (b"\\ud800" * 100_000),
    "keys without end": lambda: b"{" + b",".join(b'"k%d": 1' % n for n in range(100_000)) + b"}",
    "one key often": lambda: b"{" + b'"question": "a",' * 100_000 + b'"question": "a"}',
    "null letters": lambda: b'{"question": "a\\u0000b", "collection": "\\u0000"}',
    "not even JSON": lambda: b"\xff" * MIB,
    "white space": lambda: b" " * 4 * MIB,
    "templates": lambda: (
        b'{"question": "{{7*7}} ${jndi:ldap://127.0.0.1/a} %s {0.__class__} {%for a in b%}"}'
    ),
}


@pytest.mark.parametrize("path", ["/ingest", "/ask", "/v1/chat/completions"])
@pytest.mark.parametrize("name", JSON)
def test_json(target: Server, path: str, name: str) -> None:
    answer = target.http.post(
        path, content=JSON[name](), headers={"content-type": "application/json"}, timeout=30
    )
    assert answer.status_code < 500, answer.text[:300]
    assert b"internal_error" not in answer.content


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n" + b"X-A: a\r\n" * 100_000,
        b"GET /" + b"a" * MIB + b" HTTP/1.1\r\n\r\n",
        b"POST /ingest HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nx",
        b"POST /ingest HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nx",
        b"POST /ask HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
        b"ffffffffffffffff\r\nx",
        b"POST /ask HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"e" * MIB,
        b"\x16\x03\x01\x02\x00" + b"\xff" * 5000,
        b"\x00" * 100_000,
        b"GET /%00%ff%c0%ae/..%2f..%2fetc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ],
    ids=lambda sent: repr(sent[:40]),
)
def test_no_http_at_all(target: Server, sent: bytes) -> None:
    address = httpx.URL(target.url)
    with socket.create_connection((address.host, address.port or 80), timeout=5) as wire:
        wire.settimeout(1)
        try:
            wire.sendall(sent)
            answer = wire.recv(200)
        except (TimeoutError, ConnectionError):
            answer = b""
    assert b" 500 " not in answer
    assert lives(target) < SLOWEST


def lives(target: Server) -> float:
    """Seconds until it says so."""
    begun = time.monotonic()
    with httpx.Client(base_url=target.url, trust_env=False, timeout=30) as http:
        assert http.get("/health/live").status_code == 200
    return time.monotonic() - begun


def sample() -> list[Hostile]:
    files = [one for one in corpus(1) if one.kind not in ("png", "jpg", "tif")]  # which need an OCR
    return files[::EVERY]


@pytest.mark.timeout(600)
def test_hostile_files_through_the_door(target: Server) -> None:
    """Each ends as done or as failed with its reason, and the process answers all the while."""
    slowest, over = [0.0], threading.Event()

    def ask_on() -> None:
        while not over.wait(0.05):
            slowest[0] = max(slowest[0], lives(target))

    asking = threading.Thread(target=ask_on)
    asking.start()
    jobs = {}
    try:
        for file in sample():
            content = file.content()
            if len(content) < LARGEST:
                answer = target.http.post("/ingest", files={"file": (file.name, content)}, timeout=30)
                assert answer.status_code == 202, (file.name, answer.text)
                jobs[file.name] = answer.json()["job_id"]
        target.worker.work(target.service)
    finally:
        over.set()
        asking.join()
    assert len(jobs) > 30
    ended = set()
    for name, job in jobs.items():
        [document] = target.http.get(f"/jobs/{job}").json()["documents"]
        assert document["status"] in ("done", "failed", "unchanged"), (name, document)
        if document["status"] == "failed":
            assert document["error"]["code"] != "internal_error", name
            assert document["error"]["message"], name
        ended.add(document["status"])
    assert {"done", "failed"} <= ended
    assert slowest[0] < SLOWEST
