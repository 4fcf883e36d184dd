"""Sites that are crawled: what is asked for, what is not, and what becomes of the documents."""

import gzip
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from indexes.errors import FetchRefused, InvalidRequest, SiteUnavailable, Unavailable
from indexes.records import Document, Job
from ingest import sources
from ingest.sources import Named
from tests.support.ingestion import Bench
from tests.support.pdfs import pdf
from tests.support.sites import Site, gzipped, linking, page, redirect, tagged
from tests.support.store import TENANT


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as made:
        yield made


@pytest.fixture
def elsewhere() -> Iterator[Site]:
    """Another site, to which a crawl must never go."""
    with Site() as made:
        yield made
        assert made.requests == []


def crawl(bench: Bench, site: Site, path: str = "/", **changes: Any) -> Job:
    one = sources.Site(url=site.url + path, **changes)
    job_id, documents = bench.jobs.submit(bench.store.collection, pulled=[one])
    assert documents == []
    bench.work()
    return bench.store.queue.job(TENANT, job_id)


def again(bench: Bench, site: Site) -> list[str]:
    """Crawl once more; the paths that were asked for."""
    site.requests.clear()
    bench.embedder.embedded = 0
    [source] = bench.pulls.page(bench.store.collection)
    job_id = bench.pulls.start(source, TENANT)
    bench.work()
    assert bench.store.queue.job(TENANT, job_id).pulls[0].error is None
    return [path for path in site.asked() if path not in ("/robots.txt", "/sitemap.xml")]


def documents(bench: Bench) -> dict[str, Document]:
    """By address, without the site's own part."""
    found = bench.store.documents.page(bench.store.collection, limit=999, after=None).data
    return {"/" + one.uri.split("/", 3)[3]: one for one in found}


def spread(site: Site) -> None:
    """A start, two pages below it, and one below these."""
    site.pages["/"] = linking("/a", "b", text="The harbour opens at noon.")
    site.pages["/a"] = linking("/a/deep", "/", text="The ferry takes an hour.")
    site.pages["/b"] = linking("/a", text="Tickets are sold aboard.")
    site.pages["/a/deep"] = linking(text="Dogs travel free.")


def error_of(job: Job) -> str | None:
    return job.pulls[0].error_code


# What is asked for.


def test_pages_breadth_first_each_once(bench: Bench, site: Site) -> None:
    spread(site)
    job = crawl(bench, site)
    assert (job.status, job.pulls[0].items) == ("succeeded", 4)
    assert site.asked() == ["/robots.txt", "/", "/sitemap.xml", "/a", "/b", "/a/deep"]
    found = documents(bench)
    assert set(found) == {"/", "/a", "/b", "/a/deep"}
    assert all(one.status == "done" and one.seen_at for one in found.values())
    assert any("Dogs travel free." in text for text in bench.store.live().values())


def test_depth_and_number_of_pages(bench: Bench, site: Site) -> None:
    spread(site)
    crawl(bench, site, depth=0)
    assert site.asked() == ["/robots.txt", "/"]
    crawl(bench, site, depth=1)
    assert set(documents(bench)) == {"/", "/a", "/b"}
    crawl(bench, site, max_pages=2)
    assert set(documents(bench)) == {"/", "/a"}
    assert len(bench.pulls.page(bench.store.collection)) == 1  # the same source, with other limits


def test_globs_on_the_path(bench: Bench, site: Site) -> None:
    site.pages["/"] = linking("/docs/a", "/docs/old/b", "/blog", "/راهنما/آغاز")
    for path in ("/docs/a", "/docs/old/b", "/blog", quote("/راهنما/آغاز")):
        site.pages[path] = linking(text=f"This is the page {path[:5]}.")
    crawl(bench, site, include=["/docs/*", "/راهنما/*"], exclude=["/docs/old/*"])
    assert sorted(one.name.removeprefix(site.url) for one in documents(bench).values()) == [
        "/docs/a",
        "/راهنما/آغاز",
    ]
    assert "/blog" not in site.asked()


def test_what_pages_and_servers_ask_for(bench: Bench, site: Site) -> None:
    site.pages["/"] = linking("/noindex", "/nofollow", "/header", "/others", text="Welcome here.")
    site.pages["/noindex"] = linking("/a", text="A list.", head='<meta name="ROBOTS" content="noindex">')
    site.pages["/nofollow"] = linking("/b", text="Ads.", head='<meta name=robots content="nofollow">')
    site.pages["/header"] = linking("/c", text="Draft.", x_robots_tag="simurgh: none")
    site.pages["/others"] = linking(text="For us.", x_robots_tag="otherbot: noindex, nofollow")
    for path in "abc":
        site.pages[f"/{path}"] = linking(text=f"Letter {path}.")
    crawl(bench, site)
    assert set(documents(bench)) == {"/", "/nofollow", "/others", "/a"}


def test_links_of_a_page(bench: Bench, site: Site) -> None:
    site.pages["/"] = tagged(
        b"""<base href="/in/"><link rel="next" href="/next"><a href="one#top">1</a><a href="one#end">1</a>
        <a rel="external nofollow" href="two">2</a><!-- <a href="three">3</a> --><a href="mailto:a@b.c">4</a>
        <a href="javascript:go()">5</a><a href="?q=1&amp;r=2">6</a><a href=" four
        ">7</a><img src="/x.png"><a href="/y.PNG">8</a><a href="/z.zip">9</a><a href="http://[bad">10</a>""",
        content_type="text/html",
    )
    crawl(bench, site)
    assert site.asked()[3:] == ["/in/one", "/in/?q=1&r=2", "/in/four"]


def test_a_page_that_sends_its_readers_on(bench: Bench, site: Site) -> None:
    site.pages["/"] = linking(head='<meta http-equiv="refresh" content="0; url=\'en/\'">')
    site.pages["/en/"] = linking(text="The harbour opens at noon.")
    crawl(bench, site)
    assert documents(bench)["/en/"].status == "done"


def test_one_document_for_one_canonical_address(bench: Bench, site: Site) -> None:
    canonical = '<link rel="canonical" href="/tea">'
    site.pages["/"] = linking("/tea?sort=a", "/tea?sort=b", "/tea")
    for path in ("/tea?sort=a", "/tea?sort=b", "/tea"):
        site.pages[path] = linking(text="Tea is served at four.", head=canonical)
    crawl(bench, site)
    assert set(documents(bench)) == {"/", "/tea"}
    again(bench, site)
    assert (set(documents(bench)), bench.embedder.embedded) == ({"/", "/tea"}, 0)


def test_same_bytes_at_two_addresses_and_a_page_that_moves(bench: Bench, site: Site) -> None:
    site.pages["/"] = linking("/old", "/twin")
    site.pages["/old"] = site.pages["/twin"] = linking(text="The lighthouse is open.")
    crawl(bench, site)
    assert set(documents(bench)) == {"/", "/old", "/twin"}
    site.pages["/"] = linking("/new")
    site.pages["/new"] = site.pages.pop("/old")
    again(bench, site)
    assert set(documents(bench)) == {"/", "/new"}
    assert documents(bench)["/new"].status == "done"


def test_redirects_within_the_site(bench: Bench, site: Site) -> None:
    site.pages["/"] = linking("/old", "/new", "/loop1")
    site.pages["/old"] = redirect("/new")
    site.pages["/new"] = linking(text="Moved to here.")
    site.pages["/loop1"], site.pages["/loop2"] = redirect("/loop2"), redirect("/loop1")
    crawl(bench, site)
    assert site.asked()[3:] == ["/old", "/new", "/loop1", "/loop2"]
    assert set(documents(bench)) == {"/", "/new"}


def test_the_start_may_be_elsewhere(bench: Bench, site: Site) -> None:
    with Site() as apex:
        apex.pages["/"] = redirect(f"{site.url}/home")
        site.pages["/home"] = linking("/a", f"{apex.url}/b", text="Home.")
        site.pages["/a"] = linking(text="Letter a.")
        assert crawl(bench, apex).status == "succeeded"
        assert apex.asked() == ["/robots.txt", "/"]
    assert set(documents(bench)) == {"/home", "/a"}


def test_traps(bench: Bench, site: Site) -> None:
    def endless(handler: Any) -> None:
        path = handler.path
        number = int(path.rpartition("=")[2] or 0) if "=" in path else 0
        linking(f"/calendar?day={number + 1}", f"{path.partition('?')[0]}/x", text=f"Day {number}.")(handler)

    class Endless(dict[str, Any]):
        def get(self, path: str, default: Any = None) -> Any:
            return default if path in ("/robots.txt", "/sitemap.xml") else endless

    site.pages = Endless()
    assert crawl(bench, site, "/calendar", depth=90, max_pages=100).status == "succeeded"
    paths = [request["path"] for request in site.requests]
    assert len([path for path in paths if "?" in path]) == 25
    assert max(path.count("/x") for path in paths) == 3


def test_files_that_can_be_read(bench: Bench, site: Site) -> None:
    site.pages["/"] = linking("/a.pdf", "/data", "/feed", "/notes.md", "/picture")
    site.pages["/a.pdf"] = tagged(pdf("The tide table of the harbour."), content_type="application/pdf")
    site.pages["/data"] = page(b"{}", content_type="application/json")
    site.pages["/feed"] = page(b"<rss/>", content_type="application/rss+xml")
    site.pages["/notes.md"] = page(b"# Boats\n\nThey float.", content_type="application/octet-stream")
    site.pages["/picture"] = page(b"\x89PNG\r\n\x1a\n", content_type="image/png")
    crawl(bench, site)
    found = documents(bench)
    assert set(found) == {"/", "/a.pdf", "/notes.md"}
    assert found["/a.pdf"].media_type == "application/pdf"
    assert again(bench, site) == ["/", "/a.pdf", "/data", "/feed", "/notes.md", "/picture"]
    assert bench.embedder.embedded == 0


def test_letters_of_other_scripts(bench: Bench, site: Site) -> None:
    site.pages["/"] = page(
        '<meta charset="windows-1256"><p>البندر مفتوح.</p><a href="/بندر">x</a>'.encode("cp1256"),
        content_type="text/html",
    )
    exact = "/%D8%A8%D9%86%D8%AF%D8%B1"
    site.pages[exact] = linking("/%e6%b8%af", text="بندر ساعت ده باز می‌شود.")
    site.pages["/%E6%B8%AF"] = linking(text="港口十点开放。")
    site.pages["/bad"] = page(b"\xff\xfe\xfa", content_type="text/html; charset=utf-8")
    crawl(bench, site)
    found = documents(bench)
    assert set(found) == {"/", exact, "/%E6%B8%AF"}
    assert sorted(one.name.removeprefix(site.url) for one in found.values()) == ["/", "/بندر", "/港"]
    assert all(one.status == "done" for one in found.values())


# robots.txt and sitemaps.


def test_robots(bench: Bench, site: Site) -> None:
    spread(site)
    rules = "User-agent: *\nDisallow: /\n\nUser-agent: Simurgh\nDisallow: /a\nAllow: /a/deep\nDisallow: /*?q="
    site.pages["/robots.txt"] = page(b"\xef\xbb\xbf" + rules.encode())
    site.pages["/b"] = linking("/a/deep", "/c?q=1")
    crawl(bench, site)
    assert site.asked() == ["/robots.txt", "/", "/sitemap.xml", "/b", "/a/deep"]
    site.pages["/robots.txt"] = page(b"User-agent: *\nDisallow: /a")
    again(bench, site)
    assert set(documents(bench)) == {"/", "/b"}  # what it no longer allows is kept no longer
    site.pages["/robots.txt"] = page(b"User-agent: *\nDisallow: /")
    [source] = bench.pulls.page(bench.store.collection)
    job_id = bench.pulls.start(source, TENANT)
    bench.work()
    assert error_of(bench.store.queue.job(TENANT, job_id)) == "disallowed"
    assert set(documents(bench)) == {"/", "/b"}


@pytest.mark.parametrize("status", [500, 503, 429])
def test_robots_that_cannot_be_read_forbid_everything(bench: Bench, site: Site, status: int) -> None:
    spread(site)
    site.pages["/robots.txt"] = page(b"", status=status)
    with pytest.raises(SiteUnavailable):
        crawl(bench, site)
    assert site.asked() == ["/robots.txt"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_robots_that_are_not_there_allow_everything(bench: Bench, site: Site, status: int) -> None:
    spread(site)
    site.pages["/robots.txt"] = page(b"", status=status)
    assert crawl(bench, site).pulls[0].items == 4


def test_a_robots_txt_of_many_megabytes(bench: Bench, site: Site) -> None:
    spread(site)
    site.pages["/robots.txt"] = page(b"User-agent: *\nDisallow: /a\n" + b"#" * 800_000 + b"\nDisallow: /b")
    crawl(bench, site)
    assert set(documents(bench)) == {"/", "/b"}


def test_the_delay_that_a_site_asks_for(bench: Bench, site: Site) -> None:
    spread(site)
    site.pages["/robots.txt"] = page(b"User-agent: *\nCrawl-delay: 0.3")
    started = time.monotonic()
    crawl(bench, site)
    assert time.monotonic() - started > 4 * 0.3


def sitemap(*links: str, root: str = "urlset", name: str = "url", lastmod: str = "") -> bytes:
    when = f"<lastmod>{lastmod}</lastmod>" if lastmod else ""
    parts = "".join(f"<{name}><loc>{link}</loc>{when}</{name}>" for link in links)
    return f'<{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{parts}</{root}>'.encode()


def test_sitemaps(bench: Bench, site: Site, elsewhere: Site) -> None:
    site.pages["/"] = linking(text="The harbour.")
    site.pages["/robots.txt"] = page(
        f"Sitemap: {site.url}/index.xml\nSitemap: {elsewhere.url}/s.xml\nSitemap: http://10.0.0.1/s.xml".encode()
    )
    links = [f"{site.url}/more.gz", f"{elsewhere.url}/s.xml", f"{site.url}/bomb.gz", f"{site.url}/index.xml"]
    site.pages["/index.xml"] = page(sitemap(*links, root="sitemapindex", name="sitemap"))
    pages = [
        f"{site.url}/a",
        f"{elsewhere.url}/x",
        "http://10.0.0.1/x",
        "http://[no",
        f"{site.url}/i.png",
    ]
    site.pages["/more.gz"] = page(gzip.compress(sitemap(*pages)), content_type="application/gzip")
    site.pages["/bomb.gz"] = page(gzipped(200))
    site.pages["/sitemap.xml"] = page(
        f'<!DOCTYPE x [<!ENTITY e "{site.url}/b">]><urlset><url><loc>&e;</loc></url></urlset>'.encode()
    )
    site.pages["/a"] = linking("/c", text="Letter a.")
    site.pages["/b"] = site.pages["/c"] = linking(text="Another letter.")
    crawl(bench, site, depth=1)
    assert site.asked() == ["/robots.txt", "/", "/index.xml", "/sitemap.xml", "/more.gz", "/bomb.gz", "/a"]
    assert set(documents(bench)) == {"/", "/a"}
    crawl(bench, site, depth=1, sitemap=False)
    assert site.asked() == ["/robots.txt", "/"]


def test_a_sitemap_spares_requests(bench: Bench, site: Site) -> None:
    spread(site)

    def said(lastmod: str) -> None:
        links = [site.url + path for path in ("/a", "/b", "/a/deep")]
        site.pages["/sitemap.xml"] = page(sitemap(*links, lastmod=lastmod))

    said("2020-01-31")
    crawl(bench, site)
    site.pages["/"] = linking("/a", text="The harbour opens at one.")
    assert again(bench, site) == ["/"]
    assert set(documents(bench)) == {"/", "/a", "/b", "/a/deep"}
    for told in ("2099-01-01T00:00:00+00:00", "some day", "2026-01", "2099-12-31"):
        said(told)
        assert again(bench, site) == ["/", "/a", "/b", "/a/deep"]
    said("")
    assert again(bench, site) == ["/", "/a", "/b", "/a/deep"]


# Again and again.


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


# SSRF: another site, or a private address, is never connected to.


def test_nothing_leads_out_of_the_site(bench: Bench, site: Site, elsewhere: Site) -> None:
    out = elsewhere.url
    site.pages["/"] = linking(
        f"{out}/a", "//10.0.0.1/", f"//{elsewhere.host}/b", "/away", "/claims", "/based"
    )
    site.pages["/away"] = redirect(f"{out}/c")
    site.pages["/claims"] = linking(text="A claim.", head=f'<link rel="canonical" href="{out}/d">')
    site.pages["/based"] = linking("e", text="A base.", head=f'<base href="{out}/">')
    crawl(bench, site)
    assert set(documents(bench)) == {"/", "/claims", "/based"}


def test_a_private_site(bench: Bench) -> None:
    for url in ("http://169.254.169.254/latest", "http://10.0.0.1/"):
        job_id, _ = bench.jobs.submit(bench.store.collection, pulled=[sources.Site(url=url)])
        bench.work()
        assert error_of(bench.store.queue.job(TENANT, job_id)) == "fetch_refused"


def test_a_start_or_robots_that_lead_to_a_private_address(bench: Bench, site: Site) -> None:
    site.pages["/"] = redirect("http://10.0.0.1/")
    assert error_of(crawl(bench, site)) == "fetch_refused"
    site.pages["/robots.txt"] = redirect("http://10.0.0.1/robots.txt")
    assert error_of(crawl(bench, site)) == "fetch_refused"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"url": "file:///etc/passwd"}, FetchRefused),
        ({"url": "http://u:p@example.org/"}, FetchRefused),
        ({"url": "http://example.org/" + "a" * 3000}, InvalidRequest),
        ({"max_pages": 101}, InvalidRequest),
    ],
)
def test_what_can_never_be_crawled(changes: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        sources.Site(**{"url": "https://example.org/", **changes}).source(Named(max_items=100))


def test_one_source_however_its_address_is_written() -> None:
    written = ("HTTP://Example.org:80", "http://example.org/#top", "http://example.org/")
    assert len({sources.Site(url=one).source(Named()).key for one in written}) == 1


# Jobs.


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
