"""The ingest story from an accepted version to chunks that answer, over the fake embedder."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexes.errors import (
    FetchRefused,
    SimurghError,
    StorageFull,
    TooLarge,
    Unavailable,
    UpstreamFailed,
)
from indexes.records import EmbedderIdentity
from ingest import pipeline as pipeline_module
from ingest import worker
from ingest.handed import Payload
from ingest.pipeline import MAX_ATTEMPTS
from tests.support import pdfs
from tests.support.ingestion import MAX_BYTES, Bench
from tests.support.sites import Site, page
from tests.support.store import TENANT, UNSEARCHED


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as made:
        yield made


def test_a_file(bench: Bench) -> None:
    outcome = bench.ingest(pdfs.pdf("The birds eat at nine.", "They sleep at ten.", title="Birds"), "a.pdf")
    assert (outcome.status, outcome.pages, outcome.chunks) == ("done", 2, 2)
    document = bench.document(outcome)
    assert (document.title, document.media_type) == ("Birds", "application/pdf")
    text = bench.store.documents.text(document)
    hits = bench.store.chunks.hits(bench.store.collection, dict.fromkeys(bench.store.live(), UNSEARCHED))
    assert [(hit.text, hit.page) for hit in hits] == [
        ("The birds eat at nine.", 1),
        ("They sleep at ten.", 2),
    ]
    assert all(hit.text == text[hit.start : hit.end] for hit in hits)


def test_a_payload(bench: Bench) -> None:
    payload = Payload(id="7", title="Lamp \ud800", text="It flickers.\x00", data={"state": "open\udfff"})
    job_id, _documents = bench.jobs.submit(bench.store.collection, payloads=[payload])
    bench.work()
    document = bench.document(bench.outcome(job_id))
    assert (document.status, document.title, document.uri) == ("done", "Lamp ", "payload:7")
    assert bench.store.documents.text(document) == "Lamp \n\nIt flickers.\n\nstate: open"


def test_a_page_with_its_charset_and_its_joiners(bench: Bench, site: Site) -> None:
    text = "پرنده‌پناه شهر هر روز باز است. " * 5
    html = f"<html><body><p>{text}</p></body></html>".encode("cp1256")
    site.pages["/"] = page(html, content_type="text/html; charset=windows-1256")
    job_id, _documents = bench.jobs.submit(bench.store.collection, urls=[site.url + "/"])
    bench.work()
    document = bench.document(bench.outcome(job_id))
    assert (document.status, document.uri) == ("done", site.url + "/")
    assert "پرنده\u200cپناه" in bench.store.documents.text(document)


def test_a_page_that_has_not_changed(bench: Bench, site: Site) -> None:
    for content, status in ((b"the birds", "done"), (b"the birds", "unchanged"), (b"the fish", "done")):
        site.pages["/"] = page(content, content_type="text/plain")
        job_id, _documents = bench.jobs.submit(bench.store.collection, urls=[site.url + "/#top"])
        bench.work()
        assert bench.outcome(job_id).status == status
        assert list(bench.store.live().values()) == [content.decode()]
    assert len(bench.store.documents.page(bench.store.collection, limit=9, after=None).data) == 1


def test_a_page_that_cannot_be_fetched(bench: Bench, site: Site) -> None:
    site.pages["/"] = page(b"", status=404)
    job_id, _documents = bench.jobs.submit(bench.store.collection, urls=[site.url + "/"])
    bench.work()
    assert bench.outcome(job_id).error_code == "fetch_status"
    with pytest.raises(FetchRefused):
        bench.jobs.submit(bench.store.collection, urls=["file:///etc/passwd"])


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "a.pdf", "empty"),
        (pdfs.pdf("Hello")[:300], "a.pdf", "corrupt_pdf"),
        (pdfs.encrypted(pdfs.pdf("Hello"), "secret"), "a.pdf", "encrypted_pdf"),
        (pdfs.blank_pages(0), "a.pdf", "empty_pdf"),
        (pdfs.blank_pages(101), "a.pdf", "too_many_pages"),
        (b"PK\x03\x04" + bytes(100), "a.zip", "unsupported_type"),
        (b"caf\xe9", "a.txt", "not_utf8"),
        (b"a\x00b", "a.txt", "unsupported_type"),
        (b"word " * 150_000, "a.txt", "too_much_text"),
        (b"<html><body></body></html>", "a.html", "no_text"),
    ],
)
def test_a_bad_file_fails_alone(bench: Bench, content: bytes, name: str, code: str) -> None:
    good = bench.ingest("the birds", "good.txt")
    job_id = bench.submit(content, name)
    also = bench.submit("the fish", "also.txt")
    bench.work()
    failed = bench.outcome(job_id)
    assert (failed.status, failed.error_code) == ("failed", code)
    assert failed.error
    assert bench.outcome(also).status == "done"
    assert sorted(bench.store.live().values()) == ["the birds", "the fish"]
    assert bench.document(good).status == "done"


def test_a_pdf_called_html(bench: Bench) -> None:
    assert bench.ingest(pdfs.pdf("The birds"), "a.html", "text/html").status == "done"


@pytest.mark.parametrize("name", ["a\ud800\x00.txt", "../../etc/passwd", "", "folder/", "ن" * 500])
def test_odd_names(bench: Bench, name: str) -> None:
    assert bench.ingest("the birds", name).status == "done"


def test_a_file_that_is_too_large_leaves_nothing(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        bench.submit(bytes(MAX_BYTES + 1))
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


def test_a_disk_that_is_full_at_the_door(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    for call in ("os.fsync", "os.replace"):
        with monkeypatch.context() as patch:
            patch.setattr(call, full)
            with pytest.raises(StorageFull, match="No space"):
                bench.submit("the birds")
        assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []
    assert bench.ingest("the birds").status == "done"


# -- what goes wrong on the way


def test_cancelled_in_the_middle(bench: Bench) -> None:
    job_id = bench.submit("word " * 5000)
    bench.embedder.meanwhile = lambda: bench.store.queue.cancel(TENANT, job_id)  # type: ignore[assignment,func-returns-value]
    bench.work()
    assert bench.outcome(job_id).status == "cancelled"
    assert bench.store.live() == {}
    assert bench.embedder.largest <= pipeline_module.EMBED_CHUNKS


def test_deleted_in_the_middle(bench: Bench) -> None:
    job_id = bench.submit("secret")
    document = bench.outcome(job_id).document_id
    bench.embedder.meanwhile = lambda: bench.store.delete(document)
    bench.work()
    assert bench.store.live() == {}


def test_a_newer_version_overtakes(bench: Bench) -> None:
    old = bench.submit("the old", "page.txt")
    done = threading.Event()

    def overtake() -> None:
        if not done.is_set():
            done.set()
            bench.submit("the new", "page.txt")

    bench.embedder.meanwhile = overtake
    bench.work()
    assert bench.outcome(old).status == "replaced"
    bench.work()
    assert list(bench.store.live().values()) == ["the new"]


@pytest.mark.parametrize("error", [Unavailable("away"), StorageFull("full")])
def test_what_may_pass_is_left_to_try_again(bench: Bench, error: SimurghError) -> None:
    job_id = bench.submit("the birds")

    def fail() -> None:
        raise error

    bench.embedder.meanwhile = fail
    for _ in range(MAX_ATTEMPTS + 2):
        with pytest.raises(type(error)):
            bench.work()
    bench.embedder.meanwhile = lambda: None
    bench.work()
    assert bench.outcome(job_id).status == "done"


def test_what_no_retry_mends_fails_with_its_reason(bench: Bench) -> None:
    job_id = bench.submit("the birds")

    def refuse() -> None:
        raise UpstreamFailed("the embeddings endpoint answered 401")

    bench.embedder.meanwhile = refuse
    bench.work()
    outcome = bench.outcome(job_id)
    assert (outcome.error_code, outcome.error) == ("upstream_failed", "the embeddings endpoint answered 401")
    bench.embedder.meanwhile = lambda: None
    assert bench.ingest("the birds").status == "done", "sent again, it is tried again"


def test_original_bytes_that_are_gone(bench: Bench, tmp_path: Path) -> None:
    job_id = bench.submit("the birds")
    for path in (tmp_path / "files").rglob("*"):
        if path.is_file():
            path.unlink()
    bench.work()
    assert bench.outcome(job_id).error_code == "document_not_found"


def test_another_embedder_fails_documents_rather_than_mixing(bench: Bench) -> None:
    bench.ingest("here already")
    job_id = bench.submit("late", "b.txt")
    bench.embedder.identity = EmbedderIdentity(  # type: ignore[misc]
        id="other", dim=64, query_prompt="", passage_prompt=""
    )
    bench.work()
    outcome = bench.outcome(job_id)
    assert outcome.error_code == "embedder_mismatch"
    assert "re-embed" in str(outcome.error)
    assert list(bench.store.live().values()) == ["here already"]


def test_a_version_that_takes_its_worker_down_is_given_up(bench: Bench) -> None:
    job_id = bench.submit("poison")
    [version_id] = bench.store.queue.unfinished(limit=1)
    for _ in range(MAX_ATTEMPTS):
        assert bench.store.queue.take(version_id) is not None  # and then the worker is gone
    bench.work()
    assert bench.outcome(job_id).error_code == "poison"


# -- the worker's patience


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FIRST_PAUSE", 0.001)


@pytest.mark.usefixtures("quick")
def test_it_is_tried_again_until_it_passes(bench: Bench) -> None:
    job_id = bench.submit("the birds")
    errors = [Unavailable("away"), StorageFull("full"), RuntimeError("a fault of ours")]

    def fail() -> None:
        if errors:
            raise errors.pop()

    bench.embedder.meanwhile = fail
    [version_id] = bench.store.queue.unfinished(limit=1)
    worker._with_patience(bench.pipeline, version_id, threading.Event())
    assert bench.outcome(job_id).status == "done"


@pytest.mark.usefixtures("quick")
def test_it_is_given_up_with_the_last_reason(bench: Bench) -> None:
    job_id = bench.submit("the birds")

    def fail() -> None:
        raise Unavailable("the endpoint is away")

    bench.embedder.meanwhile = fail
    [version_id] = bench.store.queue.unfinished(limit=1)
    worker._with_patience(bench.pipeline, version_id, threading.Event())
    outcome = bench.outcome(job_id)
    assert (outcome.error_code, outcome.error) == ("unavailable", "the endpoint is away")


@pytest.mark.usefixtures("quick")
def test_a_full_disk_is_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LONGEST_PAUSE", 0.001)
    job_id, full = bench.submit("the birds"), [1] * 5 * worker.TRIES

    def fail() -> None:
        if full:
            full.pop()
            raise StorageFull("the disk is full")

    bench.embedder.meanwhile = fail
    [version_id] = bench.store.queue.unfinished(limit=1)
    worker._with_patience(bench.pipeline, version_id, threading.Event())
    assert full == []
    assert bench.outcome(job_id).status == "done"


def test_a_stop_leaves_it_for_the_next_start(bench: Bench) -> None:
    job_id = bench.submit("the birds")

    def fail() -> None:
        raise Unavailable("away")

    bench.embedder.meanwhile = fail
    stop = threading.Event()
    stop.set()
    [version_id] = bench.store.queue.unfinished(limit=1)
    worker._with_patience(bench.pipeline, version_id, stop)
    assert bench.store.queue.unfinished(limit=1) == [version_id]
    bench.embedder.meanwhile = lambda: None
    bench.work()
    assert bench.outcome(job_id).status == "done"
