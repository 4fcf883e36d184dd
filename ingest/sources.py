"""Sources that documents are pulled from: what may be asked for, checked before anything is stored."""

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol

import jsonpath

from indexes.errors import InvalidRequest
from indexes.records import NewSource
from ingest.addresses import address
from ingest.fetch import check_url
from ingest.globs import aside, is_name
from ingest.handed import address_of, digest
from ingest.stores import Store

UNITS = {"m": 60, "h": 3600, "d": 86_400}  # seconds
REFRESH = re.compile(r"every ([1-9][0-9]{0,4})(m|h|d)")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
RESERVED = re.compile(  # of the connection itself: the fetcher says them
    r"host|user-agent|connection|keep-alive|te|trailer|upgrade|expect|range|transfer-encoding|accept-encoding"
    r"|content-.*|proxy-.*|if-.*",
    re.IGNORECASE,
)
WATCHED = 3600.0  # seconds between two pulls of what is watched, should a change have gone unnoticed
READS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Named:
    """Names, in the settings, of what may be pulled from."""

    connections: Container[str] = ()
    stores: Mapping[str, Store] = field(default_factory=dict)
    max_items: int = 100_000  # of one source


class Pulled(Protocol):
    """What a caller wants pulled."""

    def source(self, named: Named) -> NewSource:
        """Raises InvalidRequest, FetchRefused for what can never be pulled."""
        ...


@dataclass(frozen=True, kw_only=True)
class Page:
    """A web page that is fetched again; the first time it is a document like any other."""

    url: str

    def source(self, _named: Named) -> NewSource:
        address = address_of(self.url)
        return NewSource(kind="url", key=digest(f"url {address}"), spec={"url": address}, at_once=False)


@dataclass(frozen=True, kw_only=True)
class Site:
    """Pages of a web site, found by links and sitemaps. ``include`` and ``exclude`` are globs on the path."""

    url: str
    depth: int = 5  # links from the start
    max_pages: int = 1000
    include: Sequence[str] = ()  # none for all
    exclude: Sequence[str] = ()
    sitemap: bool = True

    def source(self, named: Named) -> NewSource:
        check_url(self.url)
        start = address(self.url, "")
        if start is None:
            raise InvalidRequest(f"no page has such an address: {self.url[:200]!r}", param="crawls.url")
        if self.max_pages > named.max_items:
            raise InvalidRequest(
                f"a crawl may have {named.max_items} pages at most: ask for fewer, or raise "
                "SIMURGH_MAX_PULLED_ITEMS",
                param="crawls.max_pages",
            )
        spec = {**asdict(self), "url": start}
        return NewSource(kind="crawl", key=digest(f"crawl {start}"), spec=spec)


@dataclass(frozen=True, kw_only=True)
class Api:
    """A JSON API. Paths are JSONPath (RFC 9535): ``items`` and ``next`` lead into the answer, the others into
    an item."""

    url: str
    id: str
    text: Sequence[str]
    items: str = "$[*]"
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)  # name -> path
    next: str | None = None  # to the address of the next page, or to nothing

    def source(self, _named: Named) -> NewSource:
        check_url(self.url)
        paths = [("items", self.items), ("id", self.id), *(("text", path) for path in self.text)]
        paths += [("metadata", path) for path in self.metadata.values()]
        paths += [("next", self.next)] if self.next is not None else []
        for name, path in paths:
            _check_path(path, f"apis.{name}")
        for name, value in self.headers.items():
            if not HEADER.fullmatch(name) or RESERVED.fullmatch(name) or not value.isprintable():
                raise InvalidRequest(f"the header {name!r} cannot be sent", param="apis.headers")
        return NewSource(kind="api", key=digest(f"api {self.url} {self.items}"), spec=asdict(self))


@dataclass(frozen=True, kw_only=True)
class Database:
    """Rows of a query; ``id``, ``text`` and ``metadata`` name its columns."""

    connection: str  # one that the settings name
    query: str
    id: str
    text: Sequence[str]
    metadata: Sequence[str] = ()

    def source(self, named: Named) -> NewSource:
        if self.connection not in named.connections:
            raise InvalidRequest(
                f"there is no connection {self.connection!r}: an operator names them in SIMURGH_CONNECTIONS",
                param="databases.connection",
            )
        if not READS.match(self.query):
            raise InvalidRequest("the query must begin with SELECT or WITH", param="databases.query")
        key = digest(f"database {self.connection} {self.query}")
        return NewSource(kind="database", key=key, spec=asdict(self))


@dataclass(frozen=True, kw_only=True)
class Files:
    """Files of a store below ``path``, those that ``match`` (see `ingest.globs.matches`)."""

    store: str  # one that the settings name
    path: str = ""
    match: Sequence[str] = ()
    watch: bool = False  # pulled when something changes, too

    def source(self, named: Named) -> NewSource:
        store = named.stores.get(self.store)
        if store is None:
            raise InvalidRequest(
                f"there is no store {self.store!r}: an operator names them in SIMURGH_STORES",
                param="stores.store",
            )
        if self.watch and store.folder is None:
            raise InvalidRequest(
                "only a folder can be watched: give a bucket a `refresh`, such as `every 10m`",
                param="stores.watch",
            )
        path = self.path.removesuffix("/")
        if path and not all(_is_below(name) for name in path.split("/")):
            raise InvalidRequest(
                f"{self.path!r} is no path below the store: `..`, a slash at its start and hidden folders "
                "are not taken",
                param="stores.path",
            )
        for pattern in self.match:
            if not all(name == "**" or "**" not in name for name in pattern.split("/")) or pattern[:1] == "/":
                raise InvalidRequest(f"{pattern!r} is no pattern such as `**/*.pdf`", param="stores.match")
        spec = {"store": self.store, "path": path, "match": list(self.match), "watch": self.watch}
        key = digest(f"store {self.store} {path}")
        return NewSource(kind="store", key=key, spec=spec, every=WATCHED if self.watch else None)


def seconds(refresh: str) -> float:
    """Of "every 30m", "every 1h", "every 7d". Raises InvalidRequest."""
    found = REFRESH.fullmatch(refresh.strip())
    if found is None:
        raise InvalidRequest(
            f"refresh is `every` and a time in minutes, hours or days, such as `every 30m`, not {refresh!r}",
            param="refresh",
        )
    return float(int(found[1]) * UNITS[found[2]])


def _is_below(name: str) -> bool:
    return is_name(name) and "\\" not in name and not aside(name)


def _check_path(path: str, param: str) -> None:
    if "?" in path:  # a pattern in a filter can be made to take for ever
        raise InvalidRequest(f"a path with a filter is not taken: {path!r}", param=param)
    try:
        jsonpath.compile(path)
    except (jsonpath.JSONPathError, RecursionError) as error:
        raise InvalidRequest(f"{path!r} is no JSONPath", param=param) from error
