"""Requests to sites that are crawled: politely, one after the other, and only where they allow it."""

import time
from collections.abc import Iterator

from indexes.errors import FetchFailed
from indexes.records import StoredPage
from ingest.addresses import site_of
from ingest.fetch import NONE, Fetched, Fetcher, Lines, Origin
from ingest.page_kinds import is_readable
from ingest.robots import Robots, read_robots

LONGEST_PAUSE = 30.0  # seconds, whatever a site asks for
TOO_MUCH = (429, 503)  # statuses by which a server says so
TICK = 0.5  # seconds that a pause lasts at most before the crawl can be given up


class Visitor:
    def __init__(self, fetcher: Fetcher, lines: Lines, *, pause: float) -> None:
        """``pause``: seconds between two requests to a site that does not say how many."""
        self._fetcher = fetcher
        self._lines = lines
        self._pause = pause
        self._slower = 0.0  # seconds beyond that, for a site that has too much to do
        self._next = 0.0  # on the monotonic clock: when the next request may be made
        self._robots: dict[Origin, Robots] = {}

    def robots(self, address: str) -> Robots:
        """Of the site that it is on, asked for once. Raises SiteUnavailable, FetchRefused."""
        site = site_of(address)
        if site not in self._robots:
            self._robots[site] = read_robots(self._fetcher, address, self._lines)
        return self._robots[site]

    def waiting(self) -> Iterator[None]:
        """Until the next request may be made."""
        while (left := self._next - time.monotonic()) > 0:
            time.sleep(min(left, TICK))
            yield

    def get(self, address: str, stored: StoredPage | None = None, *, pages: bool = True) -> Fetched:
        """Without following redirects. ``stored``: then an answer may be that it is so still. ``pages``: the
        body is read only if it can become a document. Raises FetchFailed."""
        asked_for = self.robots(address).delay
        pause = self._pause if asked_for is None else min(asked_for, LONGEST_PAUSE)
        try:
            fetched = self._fetcher.fetch(
                address,
                known=stored.validators if stored is not None else NONE,
                wanted=lambda header: not pages or is_readable(header, address),
                lines=self._lines,
                follow=False,
            )
            self._slower /= 2
        except FetchFailed as error:
            if error.status in TOO_MUCH:
                self._slower = min(max(2 * self._slower, pause), LONGEST_PAUSE)
            raise
        finally:
            self._next = time.monotonic() + pause + self._slower
        return fetched
