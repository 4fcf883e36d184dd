"""What a site and its pages ask of crawlers: robots.txt (RFC 9309), X-Robots-Tag, <meta name="robots">."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urljoin

from protego import Protego

from indexes.errors import FetchFailed, FetchRefused, SiteUnavailable
from ingest.fetch import USER_AGENT, Fetcher, Lines

TOKEN = USER_AGENT.partition("/")[0].lower()  # by which a site calls us
MAX_BYTES = 512_000  # of a robots.txt that are read
TELLING = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")  # rules with values


class Robots:
    def __init__(self, text: str) -> None:
        self._rules = Protego.parse(text)

    def allows(self, url: str) -> bool:
        return self._rules.can_fetch(url, TOKEN)

    @property
    def delay(self) -> float | None:
        """Seconds that it wants between two requests."""
        return self._rules.crawl_delay(TOKEN)

    @property
    def sitemaps(self) -> list[str]:
        return list(self._rules.sitemaps)


def read_robots(fetcher: Fetcher, url: str, lines: Lines) -> Robots:
    """Of the site that ``url`` is on. A site without one allows everything.

    Raises SiteUnavailable where it cannot be read for the moment: then nothing is allowed; FetchRefused.
    """
    try:
        fetched = fetcher.fetch(urljoin(url, "/robots.txt"), lines=lines)
    except FetchRefused:
        raise
    except FetchFailed as error:
        if passing(error):
            raise SiteUnavailable(f"its robots.txt cannot be read: {error.message}") from error
        return Robots("")
    return Robots(fetched.content[:MAX_BYTES].decode("utf-8-sig", errors="replace"))


def passing(error: FetchFailed) -> bool:
    """Whether what failed may be well the next time."""
    if error.status is not None:
        return error.status >= 500 or error.status in (408, 425, 429)
    return error.code in ("fetch_failed", "fetch_timeout", "unknown_host")


@dataclass(frozen=True, kw_only=True)
class Wishes:
    index: bool = True  # whether the page may be stored
    follow: bool = True  # whether its links may be followed


def wishes(headers: Iterable[str], said: Iterable[str]) -> Wishes:
    """``headers``: X-Robots-Tag, where another crawler may be named before the rules; ``said``: in the page,
    to all or to us."""
    rules = {rule.strip().lower() for one in said for rule in one.split(",")}
    for header in headers:
        to_us = True
        for part in header.lower().split(","):
            name, colon, rest = part.partition(":")
            if colon and name.strip() not in TELLING:
                to_us, part = name.strip() == TOKEN, rest
            if to_us:
                rules.add(part.strip())
    return Wishes(index=not rules & {"noindex", "none"}, follow=not rules & {"nofollow", "none"})
