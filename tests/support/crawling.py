"""Sites that are crawled, and what becomes of them. A pytest plugin."""

from collections.abc import Iterator
from typing import Any

import pytest

from indexes.records import Document, Job
from ingest import sources
from tests.support.ingestion import Bench
from tests.support.sites import Site, linking
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


def sitemap(*links: str, root: str = "urlset", name: str = "url", lastmod: str = "") -> bytes:
    when = f"<lastmod>{lastmod}</lastmod>" if lastmod else ""
    parts = "".join(f"<{name}><loc>{link}</loc>{when}</{name}>" for link in links)
    return f'<{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{parts}</{root}>'.encode()
