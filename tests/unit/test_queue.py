"""Versions on their way, on both databases."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Engine, event

from indexes import identity, intake
from indexes.errors import (
    CollectionNotFound,
    EmbedderMismatch,
    JobNotFound,
    Unavailable,
)
from indexes.records import EmbedderIdentity
from tests.support.store import TENANT, Store, new_document

OTHER = EmbedderIdentity(id="other", dim=8, query_prompt="q: ", passage_prompt="p: ")


@pytest.fixture
def store(database: Engine) -> Store:
    return Store(database)


def test_a_document_goes_through(store: Store) -> None:
    job_id, documents, [version_id] = store.accept("one\ntwo")
    assert documents[0].endswith(":queued")
    assert store.queue.unfinished(limit=10) == [version_id]
    assert store.queue.depth()[0] == 1
    version = store.take(version_id)
    assert version.attempts == 1
    assert store.queue.job(TENANT, job_id).status == "running"
    assert store.queue.advance(version, stage="embedding", done=1, total=2)
    job = store.queue.job(TENANT, job_id)
    assert (job.stage, job.chunks_done, job.chunks_total) == ("embedding", 1, 2)
    assert store.commit(version, "one\ntwo")
    job = store.queue.job(TENANT, job_id)
    assert (job.status, job.done, job.total) == ("succeeded", 1, 1)
    assert job.documents[0].chunks == 2
    assert job.finished_at is not None
    assert sorted(store.live().values()) == ["one", "two"]
    assert store.queue.take(version_id) is None
    assert not store.commit(version, "again"), "a version is committed once"
    assert store.queue.depth() == (0, 0.0)


def test_the_same_bytes_are_unchanged(store: Store) -> None:
    first = store.add("the same")
    job_id, documents, versions = store.accept("the same")
    assert (documents, versions) == ([f"{first}:unchanged"], [])
    assert store.queue.job(TENANT, job_id).status == "succeeded"


def test_the_same_bytes_under_another_name_are_unchanged(store: Store) -> None:
    first = store.add("the same", source="a.txt")
    assert store.accept("the same", source="b.txt")[1] == [f"{first}:unchanged"]


def test_the_same_bytes_within_one_job_and_while_they_wait(store: Store) -> None:
    job_id, documents, versions = store.accept("twin", "twin")
    assert [one.split(":")[1] for one in documents] == ["queued", "unchanged"]
    assert store.accept("twin")[2] == []
    assert store.commit(store.take(versions[0]), "twin")
    job = store.queue.job(TENANT, job_id)
    assert (job.status, job.done, job.total) == ("succeeded", 2, 2)


def test_many_documents_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "AT_ONCE", 3)
    monkeypatch.setattr(intake, "AT_ONCE", 3)
    old = [new_document(f"text {number}", f"{number}.txt") for number in range(10)]
    changed = [new_document(f"other {number}", f"{number}.txt") for number in range(5)]
    renamed = [replace(one, tags=["new"]) for one in old[5:]]
    job_id, _documents, versions = store.queue.accept(store.collection, old, max_queued=100)
    for number, version_id in enumerate(versions):
        assert store.commit(store.take(version_id), f"text {number}")
    job_id, documents, versions = store.queue.accept(
        store.collection, [*changed, *renamed, *changed[:2]], max_queued=100
    )
    assert [one.status for one in documents] == ["queued"] * 5 + ["unchanged"] * 7
    assert len({one.document_id for one in documents}) == 10
    assert len(versions) == 5
    assert store.queue.job(TENANT, job_id).done == 7
    found = store.documents.page(store.collection, limit=20, after=None).data
    assert sum(one.tags == ["new"] for one in found) == 5


def test_one_source_several_times_in_a_job(store: Store) -> None:
    job_id, documents, versions = store.accept("first", "second", "first", source="page")
    assert [one.split(":")[1] for one in documents] == ["queued"] * 3
    assert len({one.split(":")[0] for one in documents}) == 1
    assert store.queue.unfinished(limit=9) == [versions[2]], "only the last one counts"
    assert store.commit(store.take(versions[2]), "first")
    assert store.queue.job(TENANT, job_id).status == "succeeded"


def test_handing_in_many_costs_few_statements(store: Store) -> None:
    new = [new_document(f"text {number}", f"{number}.txt") for number in range(300)]
    statements: list[str] = []
    event.listen(store.database, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for expected in ("queued", "unchanged"):
        statements.clear()
        _job, documents, _versions = store.queue.accept(store.collection, new, max_queued=1000)
        assert {one.status for one in documents} == {expected}
        assert len(statements) < 40


def test_bytes_that_failed_are_tried_again(store: Store) -> None:
    _job, [first], [version_id] = store.accept("unlucky")
    store.queue.end(store.take(version_id), "failed", code="parse_timeout", error="too slow")
    _job, [again], versions = store.accept("unlucky")
    assert again == first
    assert again.endswith(":queued")
    assert len(versions) == 1


def test_the_last_bytes_sent_win_even_if_they_were_there_before(store: Store) -> None:
    document = store.add("A", source="page")
    _job, _documents, [to_b] = store.accept("B", source="page")
    _job, [back], [to_a] = store.accept("A", source="page")
    assert back == f"{document}:queued", "B would replace A"
    assert store.queue.take(to_b) is None
    assert store.commit(store.take(to_a), "A")
    assert list(store.live().values()) == ["A"]


def test_a_new_version_replaces_the_old_in_one_commit(store: Store) -> None:
    document = store.add("old one\nold two", source="page")
    _job, [same], [version_id] = store.accept("new", source="page")
    assert same.split(":")[0] == document
    assert sorted(store.live().values()) == ["old one", "old two"], "the old one answers until then"
    version = store.take(version_id)
    before = store.seq()
    assert store.commit(version, "new")
    assert list(store.live().values()) == ["new"]
    assert store.seq() == before + 1
    assert store.documents.text(store.documents.get(TENANT, document)) == "new"


def test_the_same_source_twice_in_one_job(store: Store) -> None:
    job_id, _documents, versions = store.accept("first", "second", source="page")
    assert store.queue.take(versions[0]) is None
    assert store.commit(store.take(versions[1]), "second")
    job = store.queue.job(TENANT, job_id)
    assert (job.status, job.done, job.total) == ("succeeded", 2, 2)
    assert [one.status for one in job.documents] == ["replaced", "done"]
    assert store.documents.get(TENANT, job.documents[0].document_id).status == "done", "of the newest"


@pytest.mark.parametrize("moment", ["queued", "processing"])
def test_a_document_deleted_on_the_way_is_never_committed(store: Store, moment: str) -> None:
    job_id, [document], [version_id] = store.accept("secret")
    version = store.take(version_id) if moment == "processing" else None
    store.delete(document.split(":")[0])
    if version is None:
        assert store.queue.take(version_id) is None
    else:
        assert not store.queue.advance(version, stage="embedding")
        assert not store.commit(version, "secret")
    assert store.live() == {}
    job = store.queue.job(TENANT, job_id)
    assert (job.done, job.finished_at is not None) == (1, True), "its job ends with it"


def test_cancel_keeps_what_was_committed(store: Store) -> None:
    job_id, _documents, versions = store.accept("a", "b", "c")
    assert store.commit(store.take(versions[0]), "a")
    running = store.take(versions[1])
    job = store.queue.cancel(TENANT, job_id)
    assert job.status == "cancelled"
    assert [one.status for one in job.documents] == ["done", "cancelled", "cancelled"]
    assert not store.commit(running, "b")
    assert store.queue.take(versions[2]) is None
    assert list(store.live().values()) == ["a"]
    assert store.queue.cancel(TENANT, job_id).status == "cancelled"
    assert store.accept("b")[1][0].endswith(":queued"), "what was cancelled may come again"


def test_cancelling_an_ended_job_changes_nothing(store: Store) -> None:
    job_id, _documents, [version_id] = store.accept("a")
    store.commit(store.take(version_id), "a")
    assert store.queue.cancel(TENANT, job_id).status == "succeeded"


def test_a_job_fails_only_when_every_document_does(store: Store) -> None:
    job_id, _documents, versions = store.accept("a", "b")
    store.queue.end(store.take(versions[0]), "failed", code="no_text", error="nothing in it")
    assert store.queue.job(TENANT, job_id).status == "running"
    store.commit(store.take(versions[1]), "b")
    assert store.queue.job(TENANT, job_id).status == "succeeded"
    job_id, _documents, [only] = store.accept("c")
    store.queue.end(store.take(only), "failed", code="no_text", error="nothing in it")
    job = store.queue.job(TENANT, job_id)
    assert (job.status, job.documents[0].error_code) == ("failed", "no_text")


def test_ending_twice_counts_once(store: Store) -> None:
    job_id, _documents, [version_id] = store.accept("a")
    version = store.take(version_id)
    store.queue.end(version, "failed", code="no_text", error="x")
    store.queue.end(version, "failed", code="other", error="y")
    job = store.queue.job(TENANT, job_id)
    assert (job.done, job.documents[0].error_code) == (1, "no_text")


def test_put_back_takes_the_attempt_back(store: Store) -> None:
    _job, _documents, [version_id] = store.accept("a")
    for _ in range(5):
        version = store.take(version_id)
        assert version.attempts == 1
        store.queue.put_back(version)
    assert store.queue.unfinished(limit=1) == [version_id]


def test_a_job_of_another_tenant_is_not_there(store: Store) -> None:
    job_id, _documents, _versions = store.accept("a")
    with pytest.raises(JobNotFound):
        store.queue.job("someone-else", job_id)
    with pytest.raises(JobNotFound):
        store.queue.cancel("someone-else", job_id)


def test_a_full_queue_refuses_more(store: Store) -> None:
    store.queue.accept(store.collection, [new_document("a")], max_queued=1)
    with pytest.raises(Unavailable):
        store.queue.accept(store.collection, [new_document("b")], max_queued=1)
    assert len(store.queue.unfinished(limit=10)) == 1


def test_a_deleted_collection_takes_nothing(store: Store) -> None:
    _job, _documents, [version_id] = store.accept("a")
    version = store.take(version_id)
    store.collections.delete(store.collection)
    assert not store.commit(version, "a")
    with pytest.raises(CollectionNotFound):
        store.accept("b")


def test_ids_are_never_used_again(store: Store) -> None:
    store.add("a\nb", source="page")
    used = set(store.live())
    for text in ("c\nd", "e"):
        store.add(text, source="page")
        assert used.isdisjoint(store.live())
        used |= set(store.live())
    store.collections.delete(store.collection)
    store.collection = store.collections.get(TENANT, "default")
    store.add("f")
    assert used.isdisjoint(store.live())


def test_vectors_of_another_embedder_are_never_mixed_in(store: Store) -> None:
    store.add("here already")
    _job, _documents, [version_id] = store.accept("late")
    version = store.take(version_id)
    with pytest.raises(EmbedderMismatch, match="re-embed"):
        store.queue.commit(
            version,
            text="late",
            title="late",
            media_type="text/plain",
            sha256="0" * 64,
            page_starts=None,
            unread_pages=[],
            chunks=[],
            vectors=np.empty((0, 8), np.float32),
            embedder=OTHER,
        )
    assert list(store.live().values()) == ["here already"]
    assert store.commit(version, "late")
