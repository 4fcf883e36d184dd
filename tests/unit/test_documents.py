"""Documents as users see them, on both databases."""

import pytest
from sqlalchemy import Engine

from indexes.errors import DocumentNotFound, InvalidRequest
from indexes.records import NewDocument
from tests.support.store import MAX_QUEUED, TENANT, UNSEARCHED, Store, sha256


@pytest.fixture
def store(database: Engine) -> Store:
    return Store(database)


def test_a_document_is_read(store: Store) -> None:
    document_id = store.add("one\ntwo", source="page.txt")
    document = store.documents.get(TENANT, document_id)
    assert (document.name, document.status, document.chunks) == ("page.txt", "done", 2)
    assert (document.uri, document.sha256) == ("page.txt", sha256("one\ntwo"))
    assert store.documents.text(document) == "one\ntwo"


def test_pages_that_could_not_be_read_are_named(store: Store) -> None:
    job_id, [named], [version_id] = store.accept("one")
    store.commit(store.take(version_id), "one", unread_pages=[2, 5])
    assert store.documents.get(TENANT, named.split(":")[0]).unread_pages == (2, 5)
    assert [one.unread_pages for one in store.queue.job(TENANT, job_id).documents] == [(2, 5)]


def test_another_tenants_document_is_not_there(store: Store) -> None:
    document_id = store.add("secret")
    for tenant in ("someone-else", ""):
        with pytest.raises(DocumentNotFound):
            store.documents.get(tenant, document_id)
    with pytest.raises(DocumentNotFound):
        store.documents.get(TENANT, "unknown")


def test_a_document_without_a_text_yet(store: Store) -> None:
    _job, [named], _versions = store.accept("later")
    document = store.documents.get(TENANT, named.split(":")[0])
    assert (document.status, document.chunks) == ("queued", 0)
    with pytest.raises(DocumentNotFound, match="queued"):
        store.documents.text(document)


def test_a_failed_newer_version_leaves_the_old_answering(store: Store) -> None:
    document_id = store.add("old", source="page")
    _job, _documents, [version_id] = store.accept("new", source="page")
    store.queue.end(store.take(version_id), "failed", code="no_text", error="no text was found in it")
    document = store.documents.get(TENANT, document_id)
    assert (document.status, document.error_code, document.chunks) == ("failed", "no_text", 1)
    assert document.sha256 == sha256("old")
    assert store.documents.text(document) == "old"


def test_a_deleted_document_is_gone_from_everywhere(store: Store) -> None:
    document_id = store.add("secret", source="page")
    document = store.documents.get(TENANT, document_id)
    chunk_id = next(iter(store.live()))
    store.documents.delete(document)
    with pytest.raises(DocumentNotFound):
        store.documents.get(TENANT, document_id)
    with pytest.raises(DocumentNotFound):
        store.documents.text(document)
    assert store.chunks.hits(store.collection, {chunk_id: UNSEARCHED}) == []
    assert store.documents.page(store.collection, limit=10, after=None).data == []
    assert "secret" not in _all_text(store)
    assert store.add("secret", source="page") != document_id, "it may come again, as another"


def _all_text(store: Store) -> str:
    with store.database.connect() as db:
        rows = [
            *db.exec_driver_sql("SELECT text FROM chunks").scalars(),
            *db.exec_driver_sql("SELECT text FROM versions").scalars(),
        ]
    return " ".join(row for row in rows if row)


def test_pages(store: Store) -> None:
    added = [store.add(f"text {number}") for number in range(5)]
    seen: list[str] = []
    after = None
    for expected_more in (True, True, False):
        page = store.documents.page(store.collection, limit=2, after=after)
        assert page.has_more is expected_more
        seen += [document.id for document in page.data]
        after = seen[-1]
    assert seen == added
    with pytest.raises(InvalidRequest):
        store.documents.page(store.collection, limit=2, after="unknown")


def test_documents_accepted_at_the_same_moment_are_all_listed(store: Store) -> None:
    store.accept(*(f"text {number}" for number in range(7)))
    first = store.documents.page(store.collection, limit=4, after=None)
    rest = store.documents.page(store.collection, limit=4, after=first.data[-1].id)
    assert len({document.id for document in (*first.data, *rest.data)}) == 7


def test_a_page_starts_after_no_other_collections_document(store: Store) -> None:
    elsewhere = store.add("elsewhere")
    other = store.collections.create(TENANT, "other")
    with pytest.raises(InvalidRequest):
        store.documents.page(other, limit=2, after=elsewhere)


@pytest.fixture
def filtered(store: Store) -> Store:
    new = [
        NewDocument(
            source=f"payload:{number}",
            name=f"ticket {number}",
            origin={"kind": "payload"},
            tags=["all", "even" if number % 2 == 0 else "odd"],
            metadata={"team": "گروه یک" if number < 2 else "b", "year": 2020 + number, "open": number == 0},
        )
        for number in range(4)
    ]
    _job, _documents, versions = store.queue.accept(store.collection, new, max_queued=MAX_QUEUED)
    for number, version_id in enumerate(versions):
        store.commit(store.take(version_id), f"text {number}")
    return store


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "0123"),
        ({"tag": ["even"]}, "02"),
        ({"tag": ["even", "odd"]}, "0123"),
        ({"tag": ["eve"]}, ""),
        ({"tag": ["all"], "name": ["ticket 3"]}, "3"),
        ({"source": ["payload:1", "payload:2"]}, "12"),
        ({"media_type": ["text/plain"]}, "0123"),
        ({"media_type": ["text/html"]}, ""),
        ({"document_id": ["unknown"]}, ""),
        ({"metadata.team": ["گروه یک"]}, "01"),
        ({"metadata.year": ["2022"]}, "2"),
        ({"metadata.open": ["true"]}, "0"),
        ({"metadata.none": ["b"]}, ""),
        ({'metadata.a"b': ["b"]}, ""),
        ({"metadata.": ["b"]}, ""),
        ({"metadata.team'; DROP TABLE chunks; --": ["b"]}, ""),
    ],
)
def test_filters(filtered: Store, filters: dict[str, list[str]], expected: str) -> None:
    live = filtered.live()
    ids = filtered.chunks.allowed(filtered.collection, filters)
    assert sorted(live[int(one)] for one in ids) == [f"text {number}" for number in expected]


def test_an_unknown_filter_is_named(filtered: Store) -> None:
    with pytest.raises(InvalidRequest, match="'colour'"):
        filtered.chunks.allowed(filtered.collection, {"colour": ["red"]})
