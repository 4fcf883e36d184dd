"""The whole crawl story: a site from its start, breadth first, each page asked for once."""

import hashlib
import io
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from urllib.parse import urljoin

from indexes.blobs import Blobs
from indexes.brought import Brought
from indexes.errors import FetchFailed, SiteUnavailable, UnreadableDocument
from indexes.pulls import item_source
from indexes.records import Kept, Known, NewDocument, Pull, StoredPage
from ingest.addresses import address, readable
from ingest.fetch import Fetched
from ingest.frontier import MAX_HOPS, Frontier, Waiting
from ingest.handed import digest
from ingest.links import Said, said_by
from ingest.page_kinds import html_of
from ingest.robots import passing, wishes
from ingest.sitemaps import entries
from ingest.visitor import Visitor

GONE = (404, 410)
MAX_FAILURES = 10  # one after the other: then the site is left alone
MAX_SITEMAPS = 50
TRUSTED = 7 * 86_400.0  # seconds for which a sitemap is believed that a page has not changed
Found = NewDocument | Kept | None


class Crawl:
    """One crawl of a source. It holds addresses only; pages are handed on as they come."""

    def __init__(
        self,
        pull: Pull,
        known: Mapping[str, Known],
        visitor: Visitor,
        brought: Brought,
        blobs: Blobs,
        *,
        max_bytes: int,
    ) -> None:
        """``known``: what it brought before, by the key of the item."""
        self._pull = pull
        self._known = known
        self._visitor = visitor
        self._brought = brought
        self._blobs = blobs
        self._max_bytes = max_bytes
        self._taken: set[str] = set()  # sources of the documents that were found
        self._gone: set[str] = set()  # sources of pages that are not there any more
        self._unread: set[str] = set()  # addresses of pages whose links are not known
        self._failures = 0  # one after the other

    def items(self) -> Iterator[Found]:
        """What the site holds; None now and then where it holds nothing.

        Raises SiteUnavailable where it cannot be read for the moment, FetchFailed and UnreadableDocument
        where its start cannot be read at all, or it stops answering.
        """
        spec = self._pull.source.spec
        start, answer, stored = yield from self._enter(spec["url"])
        robots = self._visitor.robots(start.address)
        self._home = urljoin(start.address, "/")
        self._frontier = Frontier(self._home, spec, robots.allows)
        self._frontier.meet(start.address)
        yield from self._read(start, answer, stored)
        if spec["sitemap"] and spec["depth"]:
            usual = f"{self._home}sitemap.xml"
            told = [address(start.address, one) for one in robots.sitemaps]
            yield from self._read_sitemaps([*told, usual if robots.allows(usual) else None])
        yield from self._walk()
        if self._unread:  # which may be all that leads to some of what is known
            yield from self._ask_for_the_rest()

    def _enter(self, url: str) -> Generator[Found, None, tuple[Waiting, Fetched, StoredPage | None]]:
        """The start, wherever it redirects to, with its answer: its site is the one that is crawled."""
        for _ in range(MAX_HOPS + 1):
            if not self._visitor.robots(url).allows(url):
                raise UnreadableDocument(f"the robots.txt of its site forbids {url}", code="disallowed")
            stored = self._stored(url)
            yield from self._visitor.waiting()
            try:
                answer = self._visitor.get(url, stored)
            except FetchFailed as error:
                if passing(error):
                    raise SiteUnavailable(error.message) from error
                raise
            if answer.unwanted:
                raise UnreadableDocument(f"{url} is {answer.content_type}", code="unsupported_type")
            if answer.redirect is None:
                return Waiting(address=url, depth=0), answer, stored
            target = address(url, answer.redirect)
            if target is None:
                break
            url = target
        raise FetchFailed(f"{url} redirects to no page", code="too_many_redirects")

    def _walk(self) -> Iterator[Found]:
        while (one := self._frontier.next()) is not None:
            yield from self._visit(one)

    def _visit(self, one: Waiting) -> Iterator[Found]:
        stored = self._stored(one.address)
        if stored is not None and _is_said_unchanged(one, stored):
            yield from self._read(one, None, stored)
            return
        yield from self._visitor.waiting()
        try:
            answer = self._visitor.get(one.address, stored)
        except FetchFailed as error:
            yield from self._failed(one, stored, error)
            return
        self._failures = 0
        self._unread.discard(one.address)
        if answer.redirect is not None:
            target = address(one.address, answer.redirect)
            if target is not None:
                moved = Waiting(address=target, depth=one.depth, hops=one.hops + 1)
                self._frontier.add(moved, next_=True)
        elif not answer.unwanted:
            yield from self._read(one, answer, stored)
        yield None

    def _failed(self, one: Waiting, stored: StoredPage | None, error: FetchFailed) -> Iterator[Found]:
        """What is not there is gone; what cannot be had for the moment stays, and its links are known."""
        self._failures = self._failures + 1 if passing(error) else 0
        if error.status in GONE:
            self._gone.add(self._source(one.address))
            return
        if passing(error):
            if self._failures == MAX_FAILURES:
                raise FetchFailed(f"it stopped answering: {error.message}", code="site_unavailable")
            if not one.again:
                self._frontier.postpone(one)
            if stored is None:
                self._unread.add(one.address)
        if stored is not None:
            content = self._blobs.path(stored.sha256).read_bytes()
            self._follow(one, self._said(one, content, stored.content_type))
            yield Kept(source=self._source(one.address), seen=False)

    def _read(self, one: Waiting, answer: Fetched | None, stored: StoredPage | None) -> Iterator[Found]:
        """A page's links, and the page. No answer: it was not asked for, since it is as it was stored."""
        self._frontier.read()
        if stored is not None and (answer is None or answer.unchanged):
            content, content_type = self._blobs.path(stored.sha256).read_bytes(), stored.content_type
            sha256, validators = stored.sha256, stored.validators
        else:
            assert answer is not None  # noqa: S101  or it could not have been left unasked
            content, content_type, validators = answer.content, answer.content_type, answer.validators
            sha256 = hashlib.sha256(content).hexdigest()
        said = self._said(one, content, content_type)
        asked = wishes(answer.robots if answer else (), said.robots)
        if asked.follow:
            self._follow(one, said)
        own = said.canonical
        if own is None or not own.startswith(self._home):
            own = one.address
        source = self._source(own)
        if not asked.index or not self._frontier.stores(one.address) or source in self._taken:
            return
        if len(content) > self._max_bytes:
            return
        self._taken.add(source)
        if answer is None or (stored is not None and stored.unreadable and stored.sha256 == sha256):
            yield Kept(source=source, seen=False)
            return
        if stored is None or stored.sha256 != sha256:
            self._blobs.put(io.BytesIO(content), max_bytes=self._max_bytes)
        yield NewDocument(
            source=source,
            name=readable(own),
            origin={
                "kind": "page",
                "url": one.address,
                "uri": own,
                "sha256": sha256,
                "media_type": content_type,
                "validators": dict(validators),
                "asked_at": time.time(),
            },
            tags=self._pull.source.tags,
            sha256=sha256,
            own=True,
        )

    def _read_sitemaps(self, first: Sequence[str | None]) -> Iterator[Found]:
        waiting: list[str] = []
        met: set[str] = set()

        def add(found: str | None) -> None:
            if found is not None and found.startswith(self._home) and len(met) < MAX_SITEMAPS:
                waiting.extend({found} - met)
                met.add(found)

        for one in first:
            add(one)
        while waiting and not self._frontier.full:
            url = waiting.pop(0)
            yield from self._visitor.waiting()
            try:
                answer = self._visitor.get(url, pages=False)
            except FetchFailed as error:
                if passing(error):
                    self._unread.add(url)
                continue
            if answer.redirect is not None:
                add(address(url, answer.redirect))
            for entry in entries(answer.content):
                found = address(url, entry.link)
                if entry.sitemap:
                    add(found)
                elif found is not None:
                    self._frontier.add(Waiting(address=found, depth=1, changed=entry.changed))
            yield None

    def _ask_for_the_rest(self) -> Iterator[Found]:
        """What is known and was not met may still be there, and is asked for; its links lead no further."""
        for source in self._known:
            if source in self._taken or source in self._gone:
                continue
            stored = self._brought.stored_page(self._pull, source)
            if stored is None:
                yield Kept(source=source, seen=False)
                continue
            if self._frontier.takes(stored.url) and self._frontier.meet(stored.url):
                depth = self._pull.source.spec["depth"]
                yield from self._visit(Waiting(address=stored.url, depth=depth, again=True))
            if stored.url in self._unread:
                yield Kept(source=source, seen=False)
        yield from self._walk()

    def _said(self, one: Waiting, content: bytes, content_type: str | None) -> Said:
        html = html_of(content, content_type, one.address)
        return Said() if html is None else said_by(html, one.address)

    def _follow(self, one: Waiting, said: Said) -> None:
        for link in said.links:
            self._frontier.add(Waiting(address=link, depth=one.depth + 1))

    def _source(self, found: str) -> str:
        return item_source(self._pull.key, digest(found))

    def _stored(self, url: str) -> StoredPage | None:
        """What is known of an address: only with its bytes, in which its links are."""
        stored = self._brought.stored_page(self._pull, self._source(url))
        if stored is None or stored.url != url or not self._blobs.path(stored.sha256).exists():
            return None
        return stored


def _is_said_unchanged(one: Waiting, stored: StoredPage) -> bool:
    """By the sitemap; but some sitemaps are never renewed."""
    if one.changed is None or stored.seen_at is None:
        return False
    return one.changed < stored.seen_at and time.time() - stored.seen_at < TRUSTED
