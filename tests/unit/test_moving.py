"""Renamed, tagged anew, moved: without reading or embedding again. On both databases."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from indexes.collections import record_embedder
from indexes.database import writing
from indexes.errors import AlreadyExists, Conflict, DocumentNotFound, EmbedderMismatch
from indexes.moving import Moving
from indexes.records import Collection, Document, EmbedderIdentity
from tests.support.store import MAX_QUEUED, TENANT, Store, new_document


@pytest.fixture
def store(database: Engine) -> Store:
    return Store(database)


@pytest.fixture
def moving(store: Store) -> Moving:
    return Moving(store.database)


def get(store: Store, document_id: str) -> Document:
    return store.documents.get(TENANT, document_id)


def other(store: Store) -> Collection:
    return store.collections.create(TENANT, "other", description="")


def live_in(store: Store, collection: Collection) -> list[str]:
    store.collection = store.collections.get(TENANT, collection.name)
    return sorted(store.live().values())


def test_tags_and_metadata(store: Store, moving: Moving) -> None:
    document = get(store, store.add("one"))
    before = list(store.live())
    moving.describe(document, {"tags": ["x"], "metadata": {"team": "a"}})
    changed = get(store, document.id)
    assert (changed.tags, changed.metadata, changed.name) == (["x"], {"team": "a"}, document.name)
    assert list(store.chunks.allowed(store.collection, {"tag": ["x"]})) == before


def test_a_renamed_file_is_the_file_of_that_name(store: Store, moving: Moving) -> None:
    document = get(store, store.add("one", source="old.txt"))
    moving.describe(document, {"name": "new.txt"})
    assert get(store, document.id).name == "new.txt"
    assert store.add("two", source="new.txt") == document.id
    assert list(store.live().values()) == ["two"]
    assert store.add("three", source="old.txt") != document.id


def test_two_files_cannot_have_one_name(store: Store, moving: Moving) -> None:
    document = get(store, store.add("one", source="a.txt"))
    store.add("two", source="b.txt")
    with pytest.raises(AlreadyExists, match=r"b\.txt"):
        moving.describe(document, {"name": "b.txt"})


def test_a_move(store: Store, moving: Moving) -> None:
    document = get(store, store.add("one\ntwo"))
    store.add("stays")
    source, target = store.collection, other(store)
    vectors = store.chunks.vectors(source, store.chunks.allowed(source, {}))
    moving.move(document, source, target)
    assert live_in(store, target) == ["one", "two"]
    assert live_in(store, source) == ["stays"]
    moved = get(store, document.id)
    assert (moved.collection, moved.chunks) == ("other", 2)
    target = store.collections.get(TENANT, "other")
    after = store.chunks.vectors(target, store.chunks.allowed(target, {}))
    assert {one.tobytes() for one in after.values()} < {one.tobytes() for one in vectors.values()}
    assert store.documents.text(moved) == "one\ntwo"
    moving.move(moved, target, target)
    store.delete(document.id)
    assert live_in(store, target) == []


def test_a_moved_document_outlives_the_collection_that_it_came_from(store: Store, moving: Moving) -> None:
    source = store.collections.create(TENANT, "source", description="")
    target, store.collection = store.collection, source
    job_id, [accepted], [version_id] = store.accept("one")
    store.commit(store.take(version_id), "one")
    store.add("stays and goes")
    document = get(store, accepted.split(":")[0])
    moving.move(document, store.collections.get(TENANT, "source"), target)
    store.collections.delete(source)
    assert live_in(store, target) == ["one"]
    assert get(store, document.id).collection == "default"
    assert store.queue.job(TENANT, job_id).collection == "default"


def test_a_move_while_it_is_read(store: Store, moving: Moving) -> None:
    _job, [accepted], _versions = store.accept("one")
    document = get(store, accepted.split(":")[0])
    with pytest.raises(Conflict, match="still being read"):
        moving.move(document, store.collection, other(store))


def test_a_move_to_where_its_source_is(store: Store, moving: Moving) -> None:
    source, target = store.collection, other(store)
    document = get(store, store.add("one", source="page"))
    store.collection = target
    store.add("two", source="page")
    with pytest.raises(AlreadyExists):
        moving.move(document, source, store.collections.get(TENANT, "other"))


def test_a_move_between_embedders(store: Store, moving: Moving) -> None:
    source, target = store.collection, other(store)
    document = get(store, store.add("one"))
    store.collection = target
    store.add("two")
    foreign = EmbedderIdentity(id="other", dim=64, query_prompt="", passage_prompt="")
    with writing(store.database) as db:
        record_embedder(db, target.id, foreign)
    with pytest.raises(EmbedderMismatch, match="re-embed"):
        moving.move(document, source, target)


def test_what_was_read_before_a_move_or_a_deletion_is_refused(store: Store, moving: Moving) -> None:
    source, target = store.collection, other(store)
    document = get(store, store.add("one"))
    moving.move(document, source, target)
    with pytest.raises(Conflict, match="moved"):
        moving.describe(document, {"tags": ["x"]})
    with pytest.raises(Conflict, match="moved"):
        store.documents.delete(document)
    moved = get(store, document.id)
    store.documents.delete(moved)
    with pytest.raises(DocumentNotFound):
        moving.describe(moved, {"tags": ["x"]})


def test_handed_in_again_with_other_tags(store: Store) -> None:
    document = store.add("one", source="page")
    again = replace(new_document("one", "page"), tags=["x"], metadata={"team": "a"})
    _job, [same], versions = store.queue.accept(store.collection, [again], max_queued=MAX_QUEUED)
    assert (same.document_id, same.status, versions) == (document, "unchanged", [])
    assert (get(store, document).tags, get(store, document).metadata) == (["x"], {"team": "a"})


def test_anothers_bytes_do_not_make_a_source_up_to_date(store: Store) -> None:
    store.add("one", source="a")
    document = store.add("two", source="b")
    assert store.add("one", source="b") == document
    assert sorted(store.live().values()) == ["one", "one"]
