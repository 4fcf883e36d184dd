"""In what order waiting documents and pulls are worked on, and how many may wait."""

from typing import Any

import pytest
from sqlalchemy import Engine, event, select, update

from indexes import schema as s
from indexes.database import reading, writing
from indexes.errors import Unavailable
from indexes.pulls import Pulls
from indexes.records import Collection
from indexes.turns import LOW, PRIORITIES, waiting_pulls, waiting_versions
from ingest.sources import Api, Named, Page
from tests.support.store import MAX_QUEUED, Store, new_document


@pytest.fixture
def store(database: Engine) -> Store:
    return Store(database)


@pytest.fixture
def other(store: Store) -> Collection:
    return store.collections.get("other", "default")


def hand_in(store: Store, collection: Collection, *names: str, priority: str = "normal") -> list[str]:
    return store.queue.accept(
        collection,
        [new_document(name) for name in names],
        max_queued=MAX_QUEUED,
        priority=[*PRIORITIES].index(priority),
    )[2]


def test_within_a_tenant_by_priority_and_then_by_age(store: Store) -> None:
    low = hand_in(store, store.collection, "a", priority="low")
    first = hand_in(store, store.collection, "b", "c")
    second = hand_in(store, store.collection, "d")
    high = hand_in(store, store.collection, "e", priority="high")
    assert waiting_versions(store.database, limit=9) == [*high, *first, *second, *low]
    assert waiting_versions(store.database, limit=2) == [*high, first[0]]


def test_between_tenants_turn_by_turn(store: Store, other: Collection) -> None:
    flood = hand_in(store, store.collection, *"abcdef", priority="high")
    theirs = hand_in(store, other, "g", "h", priority="low")
    order = waiting_versions(store.database, limit=4)
    assert order == [flood[0], theirs[0], flood[1], theirs[1]]


def test_every_tenant_has_a_turn(store: Store) -> None:
    tenants = [store.collections.get(f"tenant-{number}", "default") for number in range(5)]
    firsts = [hand_in(store, one, "a", "b")[0] for one in tenants]
    assert sorted(waiting_versions(store.database, limit=2)) == sorted(firsts)


def test_what_ended_waits_no_more(store: Store) -> None:
    [first, second] = hand_in(store, store.collection, "a", "b")
    version = store.queue.take(first)
    assert version is not None
    assert waiting_versions(store.database, limit=9) == [first, second]  # a killed worker's is found again
    store.queue.end(version, "failed", code="x", error="x")
    assert waiting_versions(store.database, limit=9) == [second]


def test_room_is_each_tenants_own(store: Store, other: Collection) -> None:
    new = [new_document(name) for name in "abc"]
    store.queue.accept(store.collection, new, max_queued=3)
    with pytest.raises(Unavailable, match="3 documents wait"):
        store.queue.accept(store.collection, [new_document("d")], max_queued=3)
    store.queue.accept(other, new, max_queued=3)


def test_pulls_that_nobody_waits_for_come_last(store: Store, other: Collection) -> None:
    page = Page(url="https://example.org/").source(Named())
    for collection in (store.collection, other):
        store.queue.accept(collection, [], max_queued=9, pulled=[page])
    with writing(store.database) as db:
        db.execute(update(s.sources).values(every=60.0, next_at=0.0))
    pulls = Pulls(store.database)
    assert pulls.start_due(1.0) == 2
    with reading(store.database) as db:
        scheduled = db.execute(select(s.jobs.c.priority, s.jobs.c.tenant)).all()
    assert [row.priority for row in scheduled].count(LOW) == 2
    api = Api(url="https://example.org/", id="$.id", text=["$.a"]).source(Named())
    job_id, _, _ = store.queue.accept(store.collection, [], max_queued=9, pulled=[api])
    with reading(store.database) as db:
        [asked] = db.execute(select(s.pulls.c.id).where(s.pulls.c.job_id == job_id)).scalars()
    assert waiting_pulls(store.database, limit=9)[0] == asked
    assert len(waiting_pulls(store.database, limit=9)) == 3


def test_the_next_ones_are_found_without_reading_all(sqlite: Engine) -> None:
    store = Store(sqlite)
    hand_in(store, store.collection, *(f"{number}" for number in range(50)))
    asked: list[tuple[str, Any]] = []
    event.listen(
        sqlite, "before_cursor_execute", lambda _c, _cursor, sql, values, *_: asked.append((sql, values))
    )
    waiting_versions(sqlite, limit=5)
    statement, values = asked[-1]
    with writing(sqlite) as db:
        plan = str(db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all())
    assert "ix_versions_waiting" in plan
    assert "TEMP B-TREE" not in plan
