"""Addresses of web pages: written in one way, so that one page is asked for once; and as people read them."""

import re
from contextlib import suppress
from urllib.parse import unquote, urljoin

from indexes.errors import FetchRefused
from ingest.fetch import Origin, check_url, origin_of
from ingest.hidden import clean

LONGEST = 2000  # characters of an address
DROPPED = re.compile(r"[\t\r\n]")  # within a link, as browsers do
ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
MAX_SEGMENTS = 32
MAX_REPEATS = 3  # of one segment in a path: links that lead into themselves grow for ever


def address(base: str, link: str) -> str | None:
    """Where a link on the page ``base`` leads, without its fragment; None for what is no web address, and
    for one that no page has: too long, too deep, going round in circles."""
    try:
        url = check_url(urljoin(base, DROPPED.sub("", link).strip()))
    except (FetchRefused, ValueError):
        return None
    if url.port == {"http": 80, "https": 443}[url.scheme]:  # left in beside a scheme in capitals
        url = url.copy_with(port=None)
    path, _, query = ESCAPE.sub(_escape, url.raw_path.decode("ascii")).partition("?")
    found = f"{url.scheme}://{url.netloc.decode('ascii')}{path}{'?' if query else ''}{query}"
    segments = [one for one in path.split("/") if one]
    if len(found) > LONGEST or len(segments) > MAX_SEGMENTS:
        return None
    if any(segments.count(one) > MAX_REPEATS for one in set(segments)):
        return None
    return found


def site_of(found: str) -> Origin:
    """Scheme, host and port: what the pages of a site share. Raises FetchRefused."""
    return origin_of(check_url(found))


def path_of(found: str) -> str:
    """The path as people read it, to be matched with patterns that they wrote."""
    return unquote(check_url(found).raw_path.decode("ascii").partition("?")[0])


def readable(found: str) -> str:
    """An address with its letters for its escapes, as a name; nothing can be fetched by it."""
    url = check_url(found)
    host = f"[{url.host}]" if ":" in url.host else url.host
    port = "" if url.port is None else f":{url.port}"
    path = url.raw_path.decode("ascii")
    with suppress(UnicodeDecodeError):  # its escapes may be of another encoding than UTF-8
        path = unquote(path, errors="strict")
    return clean(f"{url.scheme}://{host}{port}{path}")


def _escape(found: re.Match[str]) -> str:
    letter = chr(int(found[1], 16))
    return letter if letter in UNRESERVED else found[0].upper()
