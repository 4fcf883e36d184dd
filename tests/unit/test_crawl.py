"""Sites that are crawled: what is asked for, and what never is."""

from typing import Any
from urllib.parse import quote

import pytest

from indexes.errors import FetchRefused, InvalidRequest
from ingest import sources
from ingest.sources import Named
from tests.support.crawling import again, crawl, documents, error_of, spread
from tests.support.ingestion import Bench
from tests.support.pdfs import pdf
from tests.support.sites import Site, linking, page, redirect, tagged
from tests.support.store import TENANT


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
