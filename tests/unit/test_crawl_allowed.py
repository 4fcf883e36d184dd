"""Crawls and what a site says of itself: robots.txt and sitemaps."""

import gzip
import time

import pytest

from indexes.errors import SiteUnavailable
from tests.support.crawling import again, crawl, documents, error_of, sitemap, spread
from tests.support.ingestion import Bench
from tests.support.sites import Site, gzipped, linking, page
from tests.support.store import TENANT


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
