"""Crawls as jobs: cancelled, interrupted, asked for again, on a schedule."""

import threading
import time
from typing import Any

import pytest

from indexes.errors import Unavailable
from ingest import sources
from tests.support.crawling import again, crawl, documents, spread
from tests.support.ingestion import Bench
from tests.support.sites import Site, linking
from tests.support.store import TENANT


def test_cancelled_in_the_middle(bench: Bench, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.pull.FLUSH", 0.0)
    site.pages["/"] = linking(*(f"/{number}" for number in range(50)), text="Start.")
    one = sources.Site(url=site.url)
    job_id, _ = bench.jobs.submit(bench.store.collection, pulled=[one])

    def cancelling(handler: Any) -> None:
        bench.store.queue.cancel(TENANT, job_id)
        linking(text="Cancelled.")(handler)

    site.pages.update({f"/{number}": linking(text=f"Page {number}.") for number in range(50)})
    site.pages["/5"] = cancelling
    bench.work()
    assert len(site.requests) <= 3 + 7
    assert bench.store.queue.job(TENANT, job_id).status == "cancelled"


def test_a_worker_that_stops_leaves_the_rest_to_the_next(bench: Bench, site: Site) -> None:
    spread(site)
    stopping = site.pages["/b"]

    def stop(handler: Any) -> None:
        bench.stop.set()
        stopping(handler)

    site.pages["/b"] = stop
    job_id, _ = bench.jobs.submit(bench.store.collection, pulled=[sources.Site(url=site.url)])
    [pull_id] = bench.pulls.unfinished(limit=9)
    with pytest.raises(Unavailable):
        bench.puller.ingest(pull_id)
    bench.stop.clear()
    site.pages["/b"] = stopping
    bench.work()
    job = bench.store.queue.job(TENANT, job_id)
    assert (job.status, len(documents(bench))) == ("succeeded", 4)


def test_a_worker_that_was_killed(bench: Bench, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next begins anew: what was handed in is not sent again, nor worked on twice."""
    monkeypatch.setattr("ingest.pull.BATCH", 1)
    spread(site)
    extend, calls = bench.store.queue.extend, []

    def dying(*arguments: Any, **more: Any) -> bool:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return extend(*arguments, **more)

    monkeypatch.setattr(bench.store.queue, "extend", dying)
    job_id, _ = bench.jobs.submit(bench.store.collection, pulled=[sources.Site(url=site.url)])
    [pull_id] = bench.pulls.unfinished(limit=9)
    with pytest.raises(KeyboardInterrupt):
        bench.puller.ingest(pull_id)
    site.requests.clear()
    bench.work()
    job = bench.store.queue.job(TENANT, job_id)
    assert (job.status, len(job.documents)) == ("succeeded", 4)
    assert sum("if-none-match" in request for request in site.requests) == 2
    assert bench.embedder.embedded == len(bench.store.live()) == 4


def test_asked_for_again_while_it_runs(bench: Bench, site: Site) -> None:
    """The newer one counts: the older ends, and deletes nothing."""
    spread(site)
    first, _ = bench.jobs.submit(bench.store.collection, pulled=[sources.Site(url=site.url, max_pages=1)])
    second, _ = bench.jobs.submit(bench.store.collection, pulled=[sources.Site(url=site.url)])
    bench.work()
    assert [one.status for one in bench.store.queue.job(TENANT, first).pulls] == ["replaced"]
    assert bench.store.queue.job(TENANT, first).status == "succeeded"
    assert bench.store.queue.job(TENANT, second).pulls[0].items == 4


def test_a_full_queue_is_waited_for(bench: Bench, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.pull.BATCH", 1)
    monkeypatch.setattr("ingest.pull.ROOM", 0.001)
    monkeypatch.setattr("ingest.pull.ROOM_INTERVAL", 0.02)
    spread(site)
    bench.jobs.submit(bench.store.collection, pulled=[sources.Site(url=site.url)])
    [pull_id] = bench.pulls.unfinished(limit=9)
    pulling = threading.Thread(target=bench.puller.ingest, args=(pull_id,))
    pulling.start()
    most = 0
    while pulling.is_alive() or bench.store.queue.depth()[0]:
        most = max(most, bench.store.queue.depth()[0])
        bench.work_documents()
        time.sleep(0.01)
    assert most <= 3
    assert len(documents(bench)) == 4


def test_on_a_schedule(bench: Bench, site: Site) -> None:
    spread(site)
    one = sources.Site(url=site.url)
    bench.jobs.submit(bench.store.collection, pulled=[one], refresh="every 1h", tags=["sea"])
    bench.work()
    [source] = bench.pulls.page(bench.store.collection)
    assert (source.kind, source.every, source.spec["depth"]) == ("crawl", 3600, 5)
    site.asked()
    assert bench.pulls.start_due(time.time() + 3601) == 1
    bench.work()
    assert len(site.asked()) == 6
    assert documents(bench)["/a"].tags == ["sea"]


def test_one_page_is_fetched_when_it_is_asked_for(bench: Bench, site: Site) -> None:
    spread(site)
    crawl(bench, site)
    site.requests.clear()
    job_id = bench.jobs.refresh(bench.store.collection, documents(bench)["/b"])
    bench.work()
    assert site.asked() == ["/b"]
    [outcome] = bench.store.queue.job(TENANT, job_id).documents
    assert outcome.status == "unchanged"
    site.pages["/b"] = linking("/a", text="Tickets are sold at the gate.")
    bench.jobs.refresh(bench.store.collection, documents(bench)["/b"])
    bench.work()
    assert "gate" in bench.store.documents.text(documents(bench)["/b"])
    again(bench, site)
    assert (len(documents(bench)), bench.embedder.embedded) == (4, 0)
