"""Collections, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Engine, func, select

from indexes import schema as s
from indexes.collections import Collections
from indexes.errors import AlreadyExists, CollectionNotFound, EmbedderMismatch, InvalidRequest
from tests.support.store import TENANT, Store


@pytest.fixture
def store(database: Engine) -> Store:
    return Store(database)


@pytest.fixture
def others(store: Store) -> Collections:
    """The same collections, seen by a service that runs another embedder."""
    identity = replace(store.embedder.identity, id="another", dim=8)
    return Collections(store.database, identity)


def test_create_and_get(store: Store) -> None:
    made = store.collections.create(TENANT, "قوانین", description="laws")
    assert store.collections.get(TENANT, "قوانین") == made
    assert (made.seq, made.embedder) == (0, store.embedder.identity)
    with pytest.raises(AlreadyExists):
        store.collections.create(TENANT, "قوانین")


def test_an_unknown_one_is_not_made(store: Store) -> None:
    with pytest.raises(CollectionNotFound):
        store.collections.get(TENANT, "unknown")


def test_tenants_see_their_own(store: Store) -> None:
    mine = store.collections.create(TENANT, "laws")
    theirs = store.collections.create("someone-else", "laws")
    assert mine.id != theirs.id
    with pytest.raises(CollectionNotFound):
        store.collections.get("a-third", "laws")


def test_the_default_is_made_once_however_many_ask(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda _: store.collections.get("new", "default").id, range(4)))
    assert len(set(got)) == 1


def test_update(store: Store) -> None:
    made = store.collections.create(TENANT, "laws")
    changed = store.collections.update(made, {"description": "new", "default_adapter": "legal"})
    assert (changed.description, changed.default_adapter) == ("new", "legal")


def test_pages(store: Store) -> None:
    for name in "abcd":
        store.collections.create("pages", name)
    first = store.collections.page("pages", limit=3, after=None)
    assert ([one.name for one in first.data], first.has_more) == (["a", "b", "c"], True)
    rest = store.collections.page("pages", limit=3, after="c")
    assert ([one.name for one in rest.data], rest.has_more) == (["d"], False)
    with pytest.raises(InvalidRequest):
        store.collections.page("pages", limit=3, after="unknown")


def test_counts(store: Store) -> None:
    assert store.collections.counts(store.collection) == (0, 0)
    store.add("one\ntwo")
    gone = store.add("three")
    store.accept("not yet")
    assert store.collections.counts(store.collection) == (2, 3)
    store.delete(gone)
    assert store.collections.counts(store.collection) == (1, 2)


def test_delete_leaves_no_row(store: Store) -> None:
    store.add("one", source="page")
    store.add("two", source="page")
    store.accept("three")
    kept = store.collections.create(TENANT, "kept")
    store.collections.delete(store.collection)
    with store.database.connect() as db:
        for table in (s.chunks, s.versions, s.documents, s.jobs, s.snapshots):
            assert db.execute(select(func.count()).select_from(table)).scalar_one() == 0
    assert store.collections.get(TENANT, "kept") == kept
    with pytest.raises(CollectionNotFound):
        store.collections.delete(store.collection)
    assert store.collections.get(TENANT, "default").id != store.collection.id


def test_an_empty_collection_takes_the_new_embedder(store: Store, others: Collections) -> None:
    adopted = others.usable(TENANT, "default")
    assert (adopted.id, adopted.embedder.id, adopted.embedder.dim) == (store.collection.id, "another", 8)
    assert store.collections.usable(TENANT, "default").embedder == store.embedder.identity


def test_a_filled_one_keeps_its_own_and_names_the_way_out(store: Store, others: Collections) -> None:
    store.add("one")
    with pytest.raises(EmbedderMismatch, match="simurgh models re-embed default") as refusal:
        others.usable(TENANT, "default")
    assert "fake-hash-64" in refusal.value.message
    assert "another" in refusal.value.message
    assert store.collections.usable(TENANT, "default").embedder == store.embedder.identity


def test_other_prompts_are_another_embedder(store: Store) -> None:
    store.add("one")
    identity = replace(store.embedder.identity, query_prompt="query: ")
    with pytest.raises(EmbedderMismatch):
        Collections(store.database, identity).usable(TENANT, "default")
