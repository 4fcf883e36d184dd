"""A bucket as a source, on a real S3 server on loopback."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from indexes.errors import FetchFailed, InvalidRequest, SimurghError, Unavailable
from indexes.records import Document, Job
from ingest import bucket as buckets_module
from ingest.bucket import Bucket
from ingest.sources import Files, Named
from ingest.stores import open_store
from tests.support.buckets import SECRET, Buckets
from tests.support.ingestion import MAX_BYTES, Bench
from tests.support.store import TENANT


@pytest.fixture(scope="module")
def server() -> Iterator[Buckets]:
    with Buckets() as made:
        yield made


@pytest.fixture
def lake(server: Buckets, bench: Bench) -> Iterator[Buckets]:
    bench.stores["lake"] = open_store("lake", server.store(), timeout=5)
    yield server
    for one in Bucket("lake", "s3://lake", _options(server), timeout=5).entries(""):
        server.delete(one.path.removeprefix("handbook/") if hasattr(one, "path") else one.name)


def _options(server: Buckets, **more: Any) -> dict[str, Any]:
    return {key: value for key, value in server.store(**more).items() if key != "url"}


def pull(bench: Bench, refresh: str | None = None, **more: Any) -> Job:
    job_id, _ = bench.jobs.submit(
        bench.store.collection, pulled=[Files(store="lake", **more)], refresh=refresh
    )
    bench.work()
    return bench.store.queue.job(TENANT, job_id)


def documents(bench: Bench) -> dict[str, Document]:
    found = bench.store.documents.page(bench.store.collection, limit=99, after=None).data
    return {one.uri: one for one in found}


def texts(bench: Bench) -> list[str]:
    return sorted(bench.store.live().values())


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    read: list[str] = []
    real: Callable[..., Any] = Bucket.read

    def counted(self: Bucket, path: str, keep: Any) -> Any:
        read.append(path)
        return real(self, path, keep)

    monkeypatch.setattr(Bucket, "read", counted)
    return read


def test_objects_become_documents_and_follow_the_bucket(
    bench: Bench, lake: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.put("a.txt", b"The ferry leaves at noon.")
    lake.put("reports/می‌روم 船.txt", "بندر در توفان بسته است.".encode())
    lake.put("a//b.txt", b"A folder without a name.")
    lake.put("reports/", b"")  # as consoles make folders
    lake.put(".hidden/c.txt", b"Nobody's business.")
    lake.put("large.txt", b"x" * (MAX_BYTES + 1))
    read = reads(monkeypatch)
    job = pull(bench)
    assert (job.status, job.pulls[0].error) == (
        "succeeded",
        "1 left out: 'a//b.txt' (its name cannot be a path)",
    )
    found = documents(bench)
    assert set(found) == {"lake:a.txt", "lake:reports/می‌روم 船.txt", "lake:large.txt"}
    assert found["lake:large.txt"].error_code == "too_large"
    assert len(texts(bench)) == 2
    read.clear()
    assert pull(bench).status == "succeeded"
    assert read == []

    lake.put("a.txt", b"The ferry leaves at nine.")
    lake.rename("reports/می‌روم 船.txt", "reports/d.txt")
    lake.delete("large.txt")
    bench.embedder.embedded = 0
    pull(bench)
    after = documents(bench)
    assert set(after) == {"lake:a.txt", "lake:reports/d.txt"}
    assert after["lake:reports/d.txt"].id == found["lake:reports/می‌روم 船.txt"].id
    assert bench.embedder.embedded == 1
    assert "The ferry leaves at nine." in texts(bench)


def test_a_path_is_a_folder_and_no_beginning_of_names(bench: Bench, lake: Buckets) -> None:
    lake.put("rep/a.txt", b"The ferry leaves at noon.")
    lake.put("report/b.txt", b"The harbour closes in a storm.")
    lake.put("rep", b"A file of that name.")
    pull(bench, path="rep", match=["*.txt"])
    assert set(documents(bench)) == {"lake:rep/a.txt"}


def test_an_object_larger_than_a_block_comes_over_whole(
    bench: Bench, lake: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets_module, "BLOCK", 1 << 16)
    content = bytes(range(256)) * 3000
    lake.put("a.bin", content)
    largest = 0

    def keep(stream: Any, size: int) -> str:
        nonlocal largest
        got = b""
        while block := stream.read(1 << 15):
            largest = max(largest, len(block))
            got += block
        assert (got, size) == (content, len(content))
        return "kept"

    assert bench.stores["lake"].read("a.bin", keep).sha256 == "kept"
    assert largest == 1 << 15


def test_an_object_that_is_replaced_while_it_is_read(bench: Bench, lake: Buckets) -> None:
    lake.put("a.txt", b"The ferry leaves at noon.")

    def keep(stream: Any, _size: int) -> str:
        stream.read()
        lake.put("a.txt", b"The ferry leaves at nine.")
        return "kept"

    with pytest.raises(FetchFailed) as raised:
        bench.stores["lake"].read("a.txt", keep)
    assert raised.value.code == "changing"


def test_an_object_that_is_gone_when_it_is_read(bench: Bench, lake: Buckets) -> None:
    lake.put("a.txt", b"The ferry leaves at noon.")
    bench.jobs.submit(bench.store.collection, pulled=[Files(store="lake")])
    for pull_id in bench.pulls.unfinished(limit=9):
        bench.puller.ingest(pull_id)
    lake.delete("a.txt")
    bench.work()
    assert documents(bench)["lake:a.txt"].error_code == "gone"


def test_a_bucket_that_is_gone_or_empty_loses_nothing(bench: Bench, lake: Buckets) -> None:
    lake.put("a.txt", b"The ferry leaves at noon.")
    pull(bench)
    lake.delete("a.txt")
    assert pull(bench).pulls[0].error_code == "empty_source"
    bench.stores["lake"] = open_store("lake", lake.store("s3://no-such-bucket"), timeout=5)
    assert pull(bench).pulls[0].error_code == "store_missing"
    assert len(texts(bench)) == 1


def test_one_that_does_not_answer_is_asked_again_later(bench: Bench, server: Buckets) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        store = server.store(endpoint_url=address, config_kwargs={"retries": {"max_attempts": 0}})
        bench.stores["lake"] = lake = open_store("lake", store, timeout=0.2)
        began = time.monotonic()
        with pytest.raises(Unavailable, match="does not answer"):
            list(lake.entries(""))
        assert time.monotonic() - began < 20
        bench.jobs.submit(bench.store.collection, pulled=[Files(store="lake")])
        [pull_id] = bench.pulls.unfinished(limit=9)
        with pytest.raises(Unavailable):
            bench.puller.ingest(pull_id)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermissionError("Access Denied"), "store_denied"),
        (ImportError("Install s3fs"), "store_failed"),
        (OSError(22, "Invalid"), "store_failed"),
        (TypeError("unexpected"), "store_failed"),
    ],
)
def test_what_no_retry_mends(server: Buckets, error: Exception, code: str) -> None:
    lake = Bucket("lake", "s3://lake", _options(server), timeout=5)
    lake._opened = (_Failing(error), "lake")
    for ask in (lambda: list(lake.entries("")), lambda: lake.read("a.txt", lambda _stream, _size: "")):
        with pytest.raises(SimurghError) as raised:
            ask()
        assert raised.value.code == code


class _Failing:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def find(self, *_: object, **__: object) -> None:
        raise self._error

    info = find


def test_secrets_are_not_logged(server: Buckets) -> None:
    lake = Bucket("lake", "s3://lake", _options(server), timeout=5)
    lake._opened = (_Failing(RuntimeError(f"signed with {SECRET}")), "lake")
    with structlog.testing.capture_logs() as logged, pytest.raises(Unavailable) as raised:
        list(lake.entries(""))
    assert "signed with ***" in str(logged)
    assert SECRET not in str(logged) + str(raised.value) + repr(lake)


def test_credentials_of_the_surroundings_are_taken_only_when_asked_for(
    server: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-the-environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "likewise")
    sent: list[str] = []

    def signer(options: dict[str, Any]) -> str | None:
        lake = Bucket("lake", "s3://lake", options, timeout=5)
        files, _ = lake._files()
        files.connect()
        files.s3.meta.events.register(
            "before-send.s3", lambda request, **_: sent.append(str(request.headers.get("Authorization")))
        )
        sent.clear()
        list(lake.entries(""))
        return sent[0].partition("Credential=")[2].partition("/")[0]

    own = _options(server)
    without = {"endpoint_url": server.url}
    assert signer(own) == "an-access-key"
    assert signer(without) == ""
    assert signer({**without, "credentials": "environment"}) == "from-the-environment"


def test_the_metadata_service_is_not_asked(server: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as metadata:
        metadata.setblocking(False)
        address = f"http://127.0.0.1:{metadata.getsockname()[1]}"
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", address)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        list(Bucket("lake", "s3://lake", {"endpoint_url": server.url}, timeout=5).entries(""))
        list(Bucket("lake", "s3://lake", _options(server), timeout=5).entries(""))
        with pytest.raises(BlockingIOError):
            metadata.accept()


def test_a_bucket_cannot_be_watched(server: Buckets) -> None:
    named = Named(stores={"lake": open_store("lake", server.store(), timeout=5)})
    with pytest.raises(InvalidRequest, match="refresh") as raised:
        Files(store="lake", watch=True).source(named)
    assert raised.value.param == "stores.watch"


@pytest.mark.parametrize(
    "given",
    [
        "relative/folder",
        "/srv/../etc",
        "file://srv/handbook",
        "http://example.org/files",
        "https://example.org/files",
        "simplecache::s3://bucket",
        "s3://bucket::zip://a",
        "zip://a.zip",
        "github://a:b@main",
        "s3://",
        "s3://bucket/../other",
        "s3://key:word@bucket/a",
        {"key": "hush-hush"},
        {"url": "/srv/handbook", "key": "hush-hush"},
        {"url": 7, "secret": "hush-hush"},
        7,
    ],
)
def test_what_is_no_store(given: object) -> None:
    with pytest.raises(ValueError, match="store") as raised:
        open_store("lake", given, timeout=5)
    assert "hush-hush" not in str(raised.value)


@pytest.mark.parametrize("name", ["", "a:b", "http", "HTTPS", "a/b", "-a", "a" * 65])
def test_what_names_no_store(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a store"):
        open_store(name, "/srv/handbook", timeout=5)
