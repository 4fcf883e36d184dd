"""Sitemaps from strangers, addresses in their many spellings, and what pages say to crawlers."""

import gzip
import time

import pytest

from ingest.addresses import address, readable
from ingest.links import said_by
from ingest.robots import wishes
from ingest.sitemaps import MAX_ADDRESSES, Entry, entries, moment

URL = "<url><loc> http://a.org/1?x&amp;y </loc><lastmod>2026-01-31T10:00:00+01:00</lastmod></url>"


def test_entries() -> None:
    image = "<url><image:image xmlns:image='i'><image:loc>http://i</image:loc></image:image></url>"
    plain = f"<?xml version='1.0'?><urlset xmlns='s'>{image}{URL}<url/><!-- {URL} --></urlset>".encode()
    found = [Entry(link="http://a.org/1?x&y", changed=1769850000.0)]
    assert entries(plain) == entries(gzip.compress(plain)) == found
    assert entries(plain.decode().encode("utf-16")) == found
    assert entries(b"<sitemapindex><sitemap><loc>b</loc></sitemap></sitemapindex>") == [
        Entry(link="b", sitemap=True)
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!doctype html><html><p>Not found<br></html>",
        b"<html><url><loc>http://a.org</loc></url>"[:20],
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><urlset><url><loc>&a;</loc></url></urlset>',
        b'<!DOCTYPE x [<!ENTITY a "http://b.org">]><urlset><url><loc>&a;</loc></url></urlset>',
        b"<a>" * 300_000,
        gzip.compress(bytes(200 << 20)),
        gzip.compress(b"<urlset>")[:-9],
    ],
    ids=["empty", "page", "cut tag", "file entity", "entity", "deep", "bomb", "cut gzip"],
)
def test_what_is_no_sitemap(content: bytes) -> None:
    began = time.monotonic()
    assert entries(content) == []
    assert time.monotonic() - began < 5


def test_a_damaged_one_and_one_without_end() -> None:
    assert len(entries(f"<urlset>{URL}{URL}<url><loc>http://".encode())) == 2
    assert len(entries(f"<urlset>{URL * (MAX_ADDRESSES + 500)}".encode())) == MAX_ADDRESSES


def test_moments() -> None:
    assert moment("2026-01-31") == moment("2026-02-01T12:00:00Z")  # over, wherever it was meant
    for text in ("", "2026", "2026-01", "2026-13-01", "soon", "2026-01-31T10:00:00"):
        assert moment(text) is None


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("http://مثال.ایران/راه نما?q=س#x", "http://مثال.ایران/راه نما?q=س"),
        ("//B.org:80/%7Ea/%e6%b8%af/../x", "http://b.org/~a/x"),
        ("?q", "http://a.org/p/?q"),
        ("x?", "http://a.org/p/x"),
        ("/%ff", "http://a.org/%FF"),
        ("http://[::1]:8080", "http://[::1]:8080/"),
        *((bad, None) for bad in ("mailto:a@b", "http://[", "http://u:p@a.org", "/a/a/a/a/b", "x" * 2000)),
    ],
)
def test_addresses(link: str, found: str | None) -> None:
    made = address("http://a.org/p/", link)
    assert (made and readable(made)) == found
    assert made is None or (made.isascii() and address(made, "") == made)


def test_pages_of_any_kind_are_heard() -> None:
    assert said_by("", "http://a.org/").links == []
    assert said_by("<div>" * 300_000 + "<a href=x>", "http://a.org/").links == ["http://a.org/x"]
    assert said_by("<a href='x" * 50_000, "http://a.org/").links == []
    assert len(said_by("<a href=1><a href=2><a href=1>" * 9000, "http://a.org/").links) == 2
    assert said_by('<base href="javascript:x"><a href=y>', "http://a.org/").links == ["http://a.org/y"]


def test_headers_for_several_crawlers() -> None:
    assert not wishes(["noindex"], []).index
    assert not wishes(["otherbot: noarchive", "Simurgh: NOFOLLOW"], []).follow
    asked = wishes(
        ["otherbot: none", "unavailable_after: 25 Jun 2010 15:00:00 PST", "max-snippet: 5"], ["all"]
    )
    assert asked.index
    assert asked.follow
    assert not wishes([], ["index, None"]).index
