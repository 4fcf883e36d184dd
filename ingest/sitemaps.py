"""Sitemaps (sitemaps.org): addresses of pages, or of further sitemaps. No tree is built."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ingest.addresses import LONGEST

MAX_BYTES = 50 << 20  # of one sitemap, unpacked: what the protocol allows
MAX_ADDRESSES = 50_000  # in one: likewise
MAX_ELEMENTS = 4_000_000  # tags in one
DEEPEST = 8  # tags within tags
BLOCK = 1 << 16  # bytes read at once
GZIP = zlib.MAX_WBITS | 16
DAY = re.compile(r"\d{4}-\d\d-\d\d")
DAY_OVER = timedelta(hours=36)  # from its beginning in UTC until it is over everywhere


class _NoSitemapError(Exception):
    pass


@dataclass(frozen=True, kw_only=True)
class Entry:
    link: str
    changed: float | None = None  # seconds since the epoch: after that it has not changed
    sitemap: bool = False  # it leads to another sitemap


def entries(content: bytes) -> list[Entry]:
    """Of a sitemap, plain or gzipped. What is no sitemap has none, a damaged one those before the damage."""
    from lxml import etree

    listener = _Listener()
    parser = etree.XMLParser(
        target=listener, resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
    )
    try:
        for block in _blocks(content):
            parser.feed(block)
            if len(listener.entries) >= MAX_ADDRESSES:
                break
        else:
            parser.close()
    except (etree.LxmlError, _NoSitemapError):
        pass
    return listener.entries[:MAX_ADDRESSES]


class _Listener:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._depth = self._elements = 0
        self._part = ""  # the name of that which is being read: loc, lastmod
        self._said: dict[str, str] = {}

    def doctype(self, *_: Any) -> None:
        raise _NoSitemapError  # which has none; in one, entities could be told to be anything

    def start(self, tag: str, _attributes: Any) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > DEEPEST or self._elements > MAX_ELEMENTS:
            raise _NoSitemapError
        self._part = _local(tag) if self._depth == 3 else ""
        if self._depth == 2:
            self._said = {}

    def data(self, text: str) -> None:
        if self._part in ("loc", "lastmod"):
            self._said[self._part] = (self._said.get(self._part, "") + text)[: LONGEST + 1]

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._part = ""
        link = self._said.get("loc", "").strip()
        if self._depth == 1 and link and (name := _local(tag)) in ("url", "sitemap"):
            changed = moment(self._said.get("lastmod", "").strip())
            self.entries.append(Entry(link=link, changed=changed, sitemap=name == "sitemap"))

    def close(self) -> Any:
        return None


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def moment(text: str) -> float | None:
    """When a W3C date, with or without a time, was surely over; None for what is none."""
    try:
        time = datetime.fromisoformat(text)
        if DAY.fullmatch(text):
            return (time.replace(tzinfo=UTC) + DAY_OVER).timestamp()
    except (ValueError, OverflowError):
        return None
    return None if time.tzinfo is None else time.timestamp()


def _blocks(content: bytes) -> Iterator[bytes]:
    """No more of it, unpacked, than a sitemap may have."""
    if not content.startswith(b"\x1f\x8b"):
        yield from (content[at : at + BLOCK] for at in range(0, min(len(content), MAX_BYTES), BLOCK))
        return
    unpacking, size = zlib.decompressobj(wbits=GZIP), 0
    try:
        while content and size < MAX_BYTES:
            block = unpacking.decompress(content, BLOCK)
            content = unpacking.unconsumed_tail
            size += len(block)
            yield block
    except zlib.error:
        return
