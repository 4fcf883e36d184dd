"""What a source holds now, as documents: one way for each kind of source."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, Protocol

from indexes.blobs import Blobs
from indexes.brought import Brought
from indexes.errors import UnreadableDocument
from indexes.pulls import item_source
from indexes.records import Item, Known, NewDocument, Pull
from ingest.crawl import Crawl
from ingest.fetch import Fetcher
from ingest.handed import Payload, payload_document, url_document
from ingest.json_api import api_items
from ingest.sql_rows import database_items
from ingest.store_contents import StoreContents
from ingest.stores import Store
from ingest.visitor import Visitor


class Contents(Protocol):
    def of(self, pull: Pull, known: Mapping[str, Known]) -> Iterator[Item | None]:
        """``known``: what it brought before, by the key of the item. None where there is nothing yet, so that
        a source that takes its time can be given up meanwhile.


        Raises SimurghError; Unavailable and StorageFull where it may pass."""
        ...


class PageContents:
    """An address is one document, fetched when it is worked on."""

    def of(self, pull: Pull, _known: Mapping[str, Known]) -> Iterator[NewDocument]:
        yield url_document(pull.source.spec["url"], pull.source.tags)


class ItemContents:
    """Items that are documents by themselves: of an API, of a query."""

    def __init__(
        self,
        items: Callable[[Mapping[str, Any]], Iterator[Payload]],
        blobs: Blobs,
        *,
        max_bytes: int,
    ) -> None:
        """``items``: of the source's spec."""
        self._items = items
        self._blobs = blobs
        self._max_bytes = max_bytes

    def of(self, pull: Pull, _known: Mapping[str, Known]) -> Iterator[NewDocument]:
        spec = pull.source.spec
        for item in self._items(spec):
            yield payload_document(
                self._blobs,
                item,
                pull.source.tags,
                max_bytes=self._max_bytes,
                source=item_source(pull.key, item.id),
                uri=f"{spec.get('url') or spec['connection']}#{item.id}",
            )


class SiteContents:
    """Pages of a web site, and the files that it links."""

    def __init__(
        self, fetcher: Fetcher, blobs: Blobs, brought: Brought, *, max_bytes: int, pause: float
    ) -> None:
        """``pause``: seconds between two requests to a site that does not say how many."""
        self._fetcher = fetcher
        self._blobs = blobs
        self._brought = brought
        self._max_bytes = max_bytes
        self._pause = pause

    def of(self, pull: Pull, known: Mapping[str, Known]) -> Iterator[Item | None]:
        with closing(self._fetcher.lines()) as lines:
            visitor = Visitor(self._fetcher, lines, pause=self._pause)
            crawl = Crawl(pull, known, visitor, self._brought, self._blobs, max_bytes=self._max_bytes)
            yield from crawl.items()


def contents(
    fetcher: Fetcher,
    blobs: Blobs,
    brought: Brought,
    connections: Mapping[str, str],
    stores: Mapping[str, Store],
    *,
    max_bytes: int,
    crawl_pause: float,
) -> dict[str, Contents]:
    """By the kind of source. ``connections``: name -> SQLAlchemy URL."""

    def rows(spec: Mapping[str, Any]) -> Iterator[Payload]:
        url = connections.get(spec["connection"])
        if url is None:
            raise UnreadableDocument(f"there is no connection {spec['connection']!r} any more", code="gone")
        return database_items(url, spec)

    return {
        "url": PageContents(),
        "crawl": SiteContents(fetcher, blobs, brought, max_bytes=max_bytes, pause=crawl_pause),
        "api": ItemContents(lambda spec: api_items(fetcher, spec), blobs, max_bytes=max_bytes),
        "database": ItemContents(rows, blobs, max_bytes=max_bytes),
        "store": StoreContents(stores, blobs, max_bytes=max_bytes),
    }
