"""Documents whose last reading failed: listed with their reasons, and tried again."""

import pytest
from sqlalchemy import Engine

from indexes.errors import InvalidRequest, Unavailable
from indexes.failures import Failures
from tests.support.store import TENANT, Store


@pytest.fixture
def store(database: Engine) -> Store:
    return Store(database)


def fail(store: Store, text: str, source: str | None = None) -> str:
    """Returns the document."""
    _job, [document], [version_id] = store.accept(text, source=source)
    store.queue.end(store.take(version_id), "failed", code="unreadable", error="it is torn")
    return document.split(":")[0]


def listed(store: Store) -> list[str]:
    return [
        one.document_id for one in Failures(store.database).page(store.collection, limit=9, after=None).data
    ]


def test_the_newest_first_with_the_reason(store: Store) -> None:
    first, second = fail(store, "a"), fail(store, "b")
    failures = Failures(store.database)
    page = failures.page(store.collection, limit=1, after=None)
    assert ([one.document_id for one in page.data], page.has_more) == ([second], True)
    [last] = failures.page(store.collection, limit=1, after=second).data
    assert (last.document_id, last.code, last.reason, last.answers) == (
        first,
        "unreadable",
        "it is torn",
        False,
    )
    with pytest.raises(InvalidRequest, match="list after"):
        failures.page(store.collection, limit=1, after="nobody")


def test_what_was_mended_or_deleted_is_no_failure(store: Store) -> None:
    mended, deleted = fail(store, "a", source="file:a"), fail(store, "b")
    _job, _documents, [version_id] = store.accept("a, whole", source="file:a")
    assert listed(store) == [deleted]  # a newer one is on its way
    store.commit(store.take(version_id), "a, whole")
    store.documents.delete(store.documents.get(TENANT, deleted))
    assert listed(store) == []
    fail(store, "a, torn again", source="file:a")
    [again] = Failures(store.database).page(store.collection, limit=9, after=None).data
    assert (again.document_id, again.answers) == (mended, True)


def test_they_are_tried_again(store: Store) -> None:
    first, second = fail(store, "a"), fail(store, "b")
    failures = Failures(store.database)
    job_id, documents = failures.retry(store.collection, [first], max_queued=9)
    assert [(one.document_id, one.status) for one in documents] == [(first, "queued")]
    assert listed(store) == [second]
    [version_id] = store.queue.unfinished(limit=9)
    version = store.take(version_id)
    assert (version.origin["kind"], version.attempts) == ("file", 1)
    store.commit(version, "a")
    assert store.queue.job(TENANT, job_id).status == "succeeded"
    _job, documents = failures.retry(store.collection, None, max_queued=9)
    assert [one.document_id for one in documents] == [second]
    job_id, documents = failures.retry(store.collection, None, max_queued=9)
    assert (documents, store.queue.job(TENANT, job_id).status) == ([], "succeeded")


def test_only_what_failed_and_only_where_there_is_room(store: Store) -> None:
    failed = fail(store, "a")
    failures = Failures(store.database)
    with pytest.raises(InvalidRequest, match="no document 'x' has failed"):
        failures.retry(store.collection, [failed, "x"], max_queued=9)
    with pytest.raises(InvalidRequest):
        failures.retry(store.collections.get("other", "default"), [failed], max_queued=9)
    with pytest.raises(Unavailable):
        failures.retry(store.collection, None, max_queued=0)
    assert listed(store) == [failed]
