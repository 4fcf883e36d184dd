"""Items of a JSON API, page after page."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin

import jsonpath

from indexes.errors import UnreadableDocument
from ingest.fetch import Fetcher
from ingest.handed import Payload

MAX_PAGES = 10_000
TITLE = 200  # characters; a first text that is longer is no title


def api_items(fetcher: Fetcher, spec: Mapping[str, Any]) -> Iterator[Payload]:
    """``spec``: the fields of `ingest.sources.Api`. Raises FetchRefused, FetchFailed, UnreadableDocument."""
    items, following = _path(spec["items"]), spec["next"]
    url: str | None = spec["url"]
    seen: set[str] = set()
    while url is not None:
        if url in seen or len(seen) == MAX_PAGES:
            raise UnreadableDocument(f"the pages of {spec['url']} do not end", code="endless_pages")
        seen.add(url)
        page = _page(fetcher, url, spec)
        for item in items.findall(page):
            yield _payload(item, spec)
        address = _first(following, page) if following else None
        url = urljoin(url, str(address)) if address else None


def titled(texts: list[str]) -> tuple[str | None, str]:
    """Title and text: of several texts the first is the title, unless it is too long for one."""
    if len(texts) > 1 and len(texts[0]) <= TITLE:
        return texts[0], "\n\n".join(texts[1:])
    return None, "\n\n".join(texts)


def _page(fetcher: Fetcher, url: str, spec: Mapping[str, Any]) -> Any:
    # Another origin, to which an answer may point, must not be told what is meant for this one.
    same = urljoin(url, "/") == urljoin(spec["url"], "/")
    fetched = fetcher.fetch(url, headers={"Accept": "application/json", **(spec["headers"] if same else {})})
    try:
        return json.loads(fetched.content)
    except (ValueError, RecursionError) as error:
        raise UnreadableDocument(f"{url} did not answer with JSON", code="not_json") from error


def _payload(item: Any, spec: Mapping[str, Any]) -> Payload:
    found = _first(spec["id"], item)
    if not isinstance(found, str | int) or found == "":
        raise UnreadableDocument(f"an item has no id at {spec['id']!r}", code="no_id")
    title, text = titled([words for path in spec["text"] if (words := _words(_first(path, item)))])
    metadata = {name: _first(path, item) for name, path in spec["metadata"].items()}
    return Payload(id=str(found), title=title, text=text, metadata=metadata)


@lru_cache(maxsize=256)
def _path(path: str) -> jsonpath.JSONPath | jsonpath.CompoundJSONPath:
    """Compiled once, not for every item."""
    return jsonpath.compile(path)


def _first(path: str, value: Any) -> Any:
    found = _path(path).findall(value) if isinstance(value, dict | list) else []
    return found[0] if found else None


def _words(value: Any) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
