"""Sources that are pulled: JSON APIs, queries and pages, once and again."""

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select, update

from indexes import schema as s
from indexes.database import reading, writing
from indexes.errors import FetchRefused, InvalidRequest, StorageFull
from indexes.records import Job, Source
from ingest import sql_rows
from ingest.sources import Api, Database, Named, seconds
from tests.support.ingestion import Bench
from tests.support.sites import Site, page, redirect
from tests.support.store import TENANT

TICKETS = [{"id": 1, "title": "Lamp", "body": "It flickers."}, {"id": 2, "title": "Door", "body": "It jams."}]


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as made:
        yield made


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as db:
        db.execute("create table goods (id integer, name text, about text, price numeric, added date)")
        db.execute("insert into goods values (1, 'Kettle', 'It boils water.', 12.5, '2026-01-31')")
        db.execute("insert into goods values (2, 'Chair', NULL, 40, NULL)")
    return file


def answer(site: Site, path: str, content: object) -> None:
    site.pages[path] = page(json.dumps(content).encode(), content_type="application/json")


def api(site: Site, **changes: Any) -> Api:
    fields = {"items": "$.results[*]", "id": "$.id", "text": ["$.title", "$.body"], **changes}
    return Api(url=f"{site.url}/tickets", **fields)


def pull(bench: Bench, *apis: Api, **more: Any) -> Job:
    job_id, documents = bench.jobs.submit(bench.store.collection, pulled=apis, **more)
    assert documents == []
    bench.work()
    return bench.store.queue.job(TENANT, job_id)


def texts(bench: Bench) -> list[str]:
    return sorted(bench.store.live().values())


def the_source(bench: Bench) -> Source:
    [source] = bench.pulls.page(bench.store.collection)
    return source


def again(bench: Bench) -> Job:
    job_id = bench.pulls.start(the_source(bench), TENANT)
    bench.work()
    return bench.store.queue.job(TENANT, job_id)


def test_an_api_page_after_page(bench: Bench, site: Site) -> None:
    answer(site, "/tickets", {"results": TICKETS[:1], "next": "/tickets?page=2"})
    answer(site, "/tickets?page=2", {"results": TICKETS[1:], "next": None})
    job = pull(bench, api(site, next="$.next", metadata={"number": "$.id"}), tags=["desk"])
    assert (job.status, job.done, job.total, [one.items for one in job.pulls]) == ("succeeded", 3, 3, [2])
    assert texts(bench) == ["Door\n\nIt jams.", "Lamp\n\nIt flickers."]
    found = bench.store.documents.page(bench.store.collection, limit=9, after=None).data
    lamp = next(one for one in found if one.title == "Lamp")
    assert (lamp.tags, lamp.metadata, lamp.uri) == (["desk"], {"number": 1}, f"{site.url}/tickets#1")


def test_only_what_changed_is_worked_on_and_what_is_gone_is_deleted(bench: Bench, site: Site) -> None:
    answer(site, "/tickets", {"results": TICKETS})
    pull(bench, api(site))
    bench.embedder.embedded = 0
    assert again(bench).status == "succeeded"
    assert bench.embedder.embedded == 0
    answer(site, "/tickets", {"results": [{**TICKETS[1], "body": "It is mended."}]})
    again(bench)
    assert texts(bench) == ["Door\n\nIt is mended."]
    assert bench.embedder.embedded == 1


def test_asked_for_again_it_is_the_same_source(bench: Bench, site: Site) -> None:
    answer(site, "/tickets", {"results": TICKETS})
    pull(bench, api(site))
    pull(bench, api(site), refresh="every 1h")
    assert the_source(bench).every == 3600
    assert len(texts(bench)) == 2


@pytest.mark.parametrize("bad", [b"<html>", b"[" * 5000, page(b"", status=500), b'{"results": []}'])
def test_a_source_that_fails_loses_nothing(bench: Bench, site: Site, bad: Any) -> None:
    answer(site, "/tickets", {"results": TICKETS})
    pull(bench, api(site))
    site.pages["/tickets"] = page(bad) if isinstance(bad, bytes) else bad
    job = again(bench)
    assert job.status == "failed"
    [failed] = job.pulls
    assert failed.error_code in ("not_json", "fetch_status", "empty_source")
    assert the_source(bench).error == failed.error
    assert len(texts(bench)) == 2


def test_a_page_that_fails_in_the_middle_deletes_nothing(bench: Bench, site: Site) -> None:
    answer(site, "/tickets", {"results": TICKETS[:1], "next": "/more"})
    answer(site, "/more", {"results": TICKETS[1:]})
    pull(bench, api(site, next="$.next"))
    site.pages["/more"] = page(b"", status=500)
    assert again(bench).status == "failed"
    assert len(texts(bench)) == 2


def test_pages_without_end(bench: Bench, site: Site) -> None:
    answer(site, "/tickets", {"results": TICKETS, "next": "/tickets"})
    assert pull(bench, api(site, next="$.next")).pulls[0].error_code == "endless_pages"


def test_too_many_items(bench: Bench, site: Site) -> None:
    answer(site, "/tickets", {"results": [{"id": number, "title": "x"} for number in range(201)]})
    assert pull(bench, api(site)).pulls[0].error_code == "too_many_items"


def test_items_without_an_id_and_of_odd_forms(bench: Bench, site: Site) -> None:
    answer(site, "/tickets", {"results": [{"title": "x"}]})
    assert pull(bench, api(site)).pulls[0].error_code == "no_id"
    answer(site, "/tickets", {"results": ["plain", 7, None]})
    assert again(bench).pulls[0].error_code == "no_id"
    answer(site, "/tickets", {"results": [{"id": "a", "title": None, "body": {"deep": ["x"]}}]})
    assert again(bench).status == "succeeded"
    assert texts(bench) == ['{"deep": ["x"]}']


def test_headers_are_for_their_own_origin(bench: Bench, site: Site) -> None:
    with Site() as other:
        other.pages["/elsewhere"] = page(json.dumps({"results": TICKETS[1:]}).encode())
        other.pages["/landed"] = page(
            json.dumps({"results": TICKETS[:1], "next": f"{other.url}/elsewhere"}).encode()
        )
        site.pages["/tickets"] = redirect(f"{other.url}/landed")
        job = pull(bench, api(site, next="$.next", headers={"X-Token": "secret-7"}))
        assert job.status == "succeeded"
        assert [request.get("x-token") for request in site.requests] == ["secret-7"]
        assert [request.get("x-token") for request in other.requests] == [None, None]


def test_secrets_are_kept_only_while_they_are_needed(bench: Bench, site: Site) -> None:
    answer(site, "/tickets", {"results": TICKETS})
    pull(bench, api(site, headers={"X-Token": "secret-7"}))
    assert the_source(bench).spec["headers"] == {}
    pull(bench, api(site, headers={"X-Token": "secret-7"}), refresh="every 1h")
    assert the_source(bench).spec["headers"] == {"X-Token": "secret-7"}


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"items": "$."}, "apis.items"),
        ({"items": "$[?@.a == 1]"}, "apis.items"),
        ({"id": "@@"}, "apis.id"),
        ({"text": ["$.a", "("]}, "apis.text"),
        ({"metadata": {"a": "$["}}, "apis.metadata"),
        ({"next": "$["}, "apis.next"),
        ({"headers": {"Host": "x"}}, "apis.headers"),
        ({"headers": {"content-length": "1"}}, "apis.headers"),
        ({"headers": {"a b": "x"}}, "apis.headers"),
        ({"headers": {"A": "x\r\nB: y"}}, "apis.headers"),
    ],
)
def test_bad_apis(changes: dict[str, Any], param: str) -> None:
    fields: dict[str, Any] = {"id": "$.id", "text": ["$.a"], **changes}
    with pytest.raises(InvalidRequest) as raised:
        Api(url="https://example.org", **fields).source(Named())
    assert raised.value.param == param


def test_an_api_that_must_not_be_reached(bench: Bench) -> None:
    with pytest.raises(FetchRefused):
        Api(url="file:///etc/passwd", id="$.id", text=["$.a"]).source(Named())
    job = pull(bench, Api(url="http://169.254.169.254/latest", id="$.id", text=["$.a"]))
    assert job.pulls[0].error_code == "fetch_refused"


def test_rows_of_a_query(bench: Bench, shop: Path) -> None:
    bench.connections["shop"] = f"sqlite:///{shop}"
    goods = Database(
        connection="shop",
        query="select * from goods where name like '%e%' or name = ':x' order by id",
        id="id",
        text=["name", "about"],
        metadata=["price", "added"],
    )
    job_id, _ = bench.jobs.submit(bench.store.collection, pulled=[goods])
    bench.work()
    assert bench.store.queue.job(TENANT, job_id).status == "succeeded"
    assert texts(bench) == ["Kettle\n\nIt boils water."]
    [kettle] = bench.store.documents.page(bench.store.collection, limit=9, after=None).data
    assert (kettle.uri, kettle.metadata) == ("shop#1", {"price": 12.5, "added": "2026-01-31"})


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("select id, name, about from nothing", "database_failed"),
        ("with x as (select 1 as id) select id from x", "no_column"),
        ("select null as id, 'a' as name, 'b' as about", "no_id"),
        ("select 1 as id, 'a' as name, 'b' as about; drop table goods", "database_failed"),
    ],
)
def test_bad_queries(bench: Bench, shop: Path, query: str, code: str) -> None:
    bench.connections["shop"] = f"sqlite:///{shop}"
    bad = Database(connection="shop", query=query, id="id", text=["name", "about"])
    job_id, _ = bench.jobs.submit(bench.store.collection, pulled=[bad])
    bench.work()
    assert bench.store.queue.job(TENANT, job_id).pulls[0].error_code == code


def test_nothing_is_written(shop: Path, postgres_url: str) -> None:
    for url in (f"sqlite:///{shop}", postgres_url.format("postgres")):
        spec = {"connection": "x", "id": "id", "text": [], "metadata": []}
        writes = "delete from goods returning id"
        if not url.startswith("sqlite"):
            writes = "select nextval('tickets') as id"
            engine = create_engine(url)
            with engine.begin() as db:
                db.exec_driver_sql("create sequence if not exists tickets")
            engine.dispose()
        with pytest.raises(sql_rows.UnreadableDocument, match="read"):
            list(sql_rows.database_items(url, {**spec, "query": writes}))


def test_bad_databases() -> None:
    for query in ("delete from goods", "", "pragma table_info(x)", "selection"):
        with pytest.raises(InvalidRequest, match="SELECT"):
            Database(connection="a", query=query, id="id", text=["x"]).source(Named(connections={"a"}))
    with pytest.raises(InvalidRequest, match="SIMURGH_CONNECTIONS"):
        Database(connection="b", query="select 1", id="id", text=["x"]).source(Named(connections={"a"}))


def test_a_connection_that_is_gone(bench: Bench, shop: Path) -> None:
    bench.connections["shop"] = f"sqlite:///{shop}"
    goods = Database(connection="shop", query="select * from goods", id="id", text=["name"])
    job_id, _ = bench.jobs.submit(bench.store.collection, pulled=[goods])
    del bench.connections["shop"]
    bench.work()
    assert bench.store.queue.job(TENANT, job_id).pulls[0].error_code == "gone"


def test_how_often() -> None:
    assert [seconds(text) for text in ("every 30m", "every 1h", " every 7d ")] == [1800, 3600, 604_800]
    for text in ("hourly", "every 0m", "every 1s", "every 1h 5m", "every h", "1h", "every 100000d"):
        with pytest.raises(InvalidRequest):
            seconds(text)


def test_what_is_due_is_started_once(bench: Bench, site: Site) -> None:
    answer(site, "/tickets", {"results": TICKETS})
    pull(bench, api(site), refresh="every 1h")
    now = time.time()
    assert bench.pulls.start_due(now) == 0
    assert bench.pulls.start_due(now + 3601) == 1
    assert bench.pulls.start_due(now + 3601) == 0  # the next is in an hour
    assert bench.pulls.start_due(now + 3 * 3600) == 0  # the last one still runs
    [pull_id] = bench.pulls.unfinished(limit=9)
    bench.work()
    assert bench.pulls.take(pull_id) is None
    seen_at = the_source(bench).seen_at
    assert seen_at is not None
    assert seen_at >= now


def test_a_page_again_and_again(bench: Bench, site: Site) -> None:
    text = b"<html><body><p>The ferry leaves at noon, says the guide of the harbour.</p></body></html>"
    site.pages["/"] = page(text, etag='"1"')
    job_id, [document] = bench.jobs.submit(
        bench.store.collection, urls=[site.url + "/"], tags=["sea"], refresh="every 1h"
    )
    bench.work()
    assert bench.store.queue.job(TENANT, job_id).status == "succeeded"
    site.pages["/"] = page(b"", status=304)
    bench.embedder.embedded = 0
    first = bench.store.documents.get(TENANT, document.document_id)
    bench.pulls.start_due(time.time() + 3601)
    bench.work()  # the pull hands the address in, and then it is fetched
    bench.work()
    assert site.requests[-1]["if-none-match"] == '"1"'
    second = bench.store.documents.get(TENANT, document.document_id)
    assert (second.status, second.chunks, second.tags) == ("unchanged", first.chunks, ["sea"])
    assert first.seen_at is not None
    assert second.seen_at is not None
    assert second.seen_at > first.seen_at
    assert bench.embedder.embedded == 0
    site.pages["/"] = page(text.replace(b"noon", b"nine"), etag='"2"')
    job_id = bench.jobs.refresh(bench.store.collection, second)
    bench.work()
    assert bench.store.queue.job(TENANT, job_id).status == "succeeded"
    assert "nine" in texts(bench)[0]


def test_what_was_pulled_is_refreshed_through_its_source(bench: Bench, site: Site) -> None:
    answer(site, "/tickets", {"results": TICKETS[:1]})
    pull(bench, api(site))
    [document] = bench.store.documents.page(bench.store.collection, limit=9, after=None).data
    job_id = bench.jobs.refresh(bench.store.collection, document)
    assert bench.jobs.refresh(bench.store.collection, document) == job_id  # it runs already
    uploaded = bench.ingest("The ferry leaves at noon.", "a.txt")
    with pytest.raises(InvalidRequest, match="uploaded"):
        bench.jobs.refresh(bench.store.collection, bench.document(uploaded))


def test_cancelled(bench: Bench, site: Site) -> None:
    answer(site, "/tickets", {"results": TICKETS})
    job_id, _ = bench.jobs.submit(bench.store.collection, pulled=[api(site)])
    assert bench.store.queue.cancel(TENANT, job_id).status == "cancelled"
    bench.work()
    assert texts(bench) == []


def test_given_up_and_forgotten(bench: Bench, site: Site) -> None:
    answer(site, "/tickets", {"results": TICKETS})
    job_id, _ = bench.jobs.submit(bench.store.collection, pulled=[api(site)], refresh="every 1h")
    [pull_id] = bench.pulls.unfinished(limit=9)
    bench.puller.give_up(pull_id, StorageFull("full"))
    assert bench.store.queue.job(TENANT, job_id).status == "failed"
    again(bench)
    source = the_source(bench)
    bench.pulls.start(source, TENANT)
    bench.pulls.forget(source)
    assert bench.pulls.page(bench.store.collection) == []
    assert bench.pulls.unfinished(limit=9) == []
    assert len(texts(bench)) == 2


def test_what_took_the_worker_down_every_time(bench: Bench, site: Site) -> None:
    job_id, _ = bench.jobs.submit(bench.store.collection, pulled=[api(site)])
    with writing(bench.store.database) as db:
        db.execute(update(s.pulls).values(attempts=3))
    bench.work()
    assert bench.store.queue.job(TENANT, job_id).pulls[0].error_code == "poison"


def test_a_deleted_collection_takes_its_sources_along(bench: Bench, site: Site) -> None:
    answer(site, "/tickets", {"results": TICKETS})
    pull(bench, api(site), refresh="every 1h")
    bench.store.collections.delete(bench.store.collection)
    with reading(bench.store.database) as db:
        assert db.execute(select(s.sources)).all() == db.execute(select(s.pulls)).all() == []
    assert bench.pulls.start_due(time.time() + 99_999) == 0
