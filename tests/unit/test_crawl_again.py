"""Crawls again and again: what changed, vanished, or cannot be had for the moment."""

from typing import Any

import pytest

from indexes.errors import SiteUnavailable
from tests.support.crawling import again, crawl, documents, error_of, spread
from tests.support.ingestion import Bench
from tests.support.sites import Site, linking, page, tagged
from tests.support.store import TENANT


def test_what_did_not_change_costs_no_body_and_no_work(bench: Bench, site: Site) -> None:
    spread(site)
    crawl(bench, site)
    before = documents(bench)
    assert again(bench, site) == ["/", "/a", "/b", "/a/deep"]  # the links are read from what is stored
    after = documents(bench)
    assert bench.embedder.embedded == 0
    for path, one in after.items():
        assert (one.id, one.status, one.updated_at) == (before[path].id, "done", before[path].updated_at)
        assert one.seen_at is not None
        assert one.seen_at > (before[path].seen_at or 0)
    site.pages["/b"] = linking("/a", text="Tickets are sold at the gate.")
    again(bench, site)
    assert bench.embedder.embedded == 1
    assert "gate" in bench.store.documents.text(documents(bench)["/b"])


def test_conditions_are_sent_and_kept_up_to_date(bench: Bench, site: Site) -> None:
    site.pages["/"] = page(b"<p>The harbour.</p>", etag='"1"', last_modified="Mon, 01 Jan 2024 00:00:00 GMT")
    crawl(bench, site)
    for asked, told in (('"1"', '"2"'), ('"2"', '"2"')):  # the same bytes, under another tag
        site.pages["/"] = page(b"<p>The harbour.</p>", etag=told)
        again_requests = len(site.requests)
        [source] = bench.pulls.page(bench.store.collection)
        bench.pulls.start(source, TENANT)
        bench.work()
        request = next(one for one in site.requests[again_requests:] if one["path"] == "/")
        assert request["if-none-match"] == asked


def test_pages_that_vanish(bench: Bench, site: Site) -> None:
    spread(site)
    crawl(bench, site)
    del site.pages["/b"]  # linked still
    site.pages["/a"] = linking(text="The ferry takes an hour.")  # and links the deep page no more
    again(bench, site)
    assert set(documents(bench)) == {"/", "/a"}


def test_a_page_that_fails_for_the_moment_stays_with_all_that_it_links(bench: Bench, site: Site) -> None:
    spread(site)
    crawl(bench, site)
    seen = documents(bench)["/a"].seen_at
    site.pages["/a"] = page(b"", status=503)
    assert again(bench, site) == ["/", "/a", "/b", "/a/deep", "/a"]  # asked once more at the end
    assert set(documents(bench)) == {"/", "/a", "/b", "/a/deep"}
    assert documents(bench)["/a"].seen_at == seen


def test_a_page_that_is_not_stored_fails(bench: Bench, site: Site) -> None:
    """Its links are not known then: what is not met is asked for."""
    spread(site)
    site.pages["/a"] = linking("/a/deep", "/a/gone", head='<meta name="robots" content="noindex">')
    site.pages["/a/gone"] = linking(text="Soon to go.")
    crawl(bench, site)
    site.pages["/a"] = page(b"", status=500)
    del site.pages["/a/gone"]
    asked = again(bench, site)
    assert (asked[:4], sorted(asked[4:])) == (["/", "/a", "/b", "/a"], ["/a/deep", "/a/gone"])
    assert set(documents(bench)) == {"/", "/b", "/a/deep"}


def test_a_canonical_page_that_fails(bench: Bench, site: Site) -> None:
    site.pages["/"] = linking("/tea?a=1")
    site.pages["/tea?a=1"] = linking(text="Tea at four.", head='<link rel="canonical" href="/tea">')
    crawl(bench, site)
    site.pages["/tea?a=1"] = page(b"", status=502)
    again(bench, site)
    assert set(documents(bench)) == {"/", "/tea"}


def test_a_site_that_comes_back_within_a_crawl(bench: Bench, site: Site) -> None:
    spread(site)
    tries = []

    def second_time(handler: Any) -> None:
        tries.append(1)
        (page(b"", status=503) if len(tries) == 1 else linking("/a/deep", text="At last."))(handler)

    site.pages["/a"] = second_time
    crawl(bench, site)
    assert set(documents(bench)) == {"/", "/a", "/b", "/a/deep"}


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_start_that_is_down_loses_nothing(bench: Bench, site: Site, status: int) -> None:
    spread(site)
    crawl(bench, site)
    site.pages["/"] = page(b"", status=status)
    [source] = bench.pulls.page(bench.store.collection)
    job_id = bench.pulls.start(source, TENANT)
    if status == 500:
        with pytest.raises(SiteUnavailable):
            bench.work()
        assert bench.store.queue.job(TENANT, job_id).status == "running"  # it is tried again
    else:
        bench.work()
        assert error_of(bench.store.queue.job(TENANT, job_id)) == "fetch_status"
    assert len(documents(bench)) == 4


def test_a_site_that_stops_answering_is_left_alone(bench: Bench, site: Site) -> None:
    site.pages["/"] = linking(*(f"/{number}" for number in range(40)))
    for number in range(40):
        site.pages[f"/{number}"] = page(b"", status=500)
    assert error_of(crawl(bench, site)) == "site_unavailable"
    assert len(site.requests) == 3 + 10


def test_a_start_that_is_no_page(bench: Bench, site: Site) -> None:
    site.pages["/"] = page(b"\x89PNG", content_type="image/png")
    assert error_of(crawl(bench, site)) == "unsupported_type"


def test_what_cannot_be_read_is_not_tried_again(bench: Bench, site: Site) -> None:
    site.pages["/"] = linking("/bad.pdf", text="The harbour.")
    site.pages["/bad.pdf"] = tagged(b"no pdf", content_type="application/pdf")
    job = crawl(bench, site)
    assert [(one.status, one.error_code) for one in job.documents if one.error] == [("failed", "corrupt_pdf")]
    site.requests.clear()
    [source] = bench.pulls.page(bench.store.collection)
    job_id = bench.pulls.start(source, TENANT)
    bench.work()
    assert bench.store.queue.job(TENANT, job_id).documents == []
    assert documents(bench)["/bad.pdf"].status == "failed"
