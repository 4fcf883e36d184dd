"""What an HTML page says to a crawler: where its links lead, and what it asks for. No tree is built."""

import re
from dataclasses import dataclass, field
from typing import Any

from ingest.addresses import address
from ingest.robots import TOKEN

MAX_BYTES = 4 << 20  # of a page in which links are looked for
MAX_LINKS = 10_000  # of one page
REFRESH = re.compile(r"""^\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?["']?\s*([^"']+)""", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Said:
    links: list[str] = field(default_factory=list)  # addresses, in the page's order, each once
    canonical: str | None = None  # the address that it gives as its own
    robots: list[str] = field(default_factory=list)  # of <meta name="robots">


def said_by(html: str, url: str) -> Said:
    """``url`` is the page's own address. Damaged pages say what can be read of them."""
    from lxml import etree

    listener = _Listener()
    parser = etree.HTMLParser(target=listener, encoding="utf-8", no_network=True)
    try:
        parser.feed(html.encode(errors="replace")[:MAX_BYTES])
        parser.close()
    except etree.LxmlError:
        pass  # what was heard before it broke off counts
    base = (listener.base and address(url, listener.base)) or url
    found = (address(base, link) for link in listener.links)
    return Said(
        links=list(dict.fromkeys(one for one in found if one is not None)),
        canonical=address(base, listener.canonical) if listener.canonical else None,
        robots=listener.robots,
    )


class _Listener:
    def __init__(self) -> None:
        self.base: str | None = None
        self.canonical: str | None = None
        self.links: list[str] = []
        self.robots: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        relations = attributes.get("rel", "").lower().split()
        link = attributes.get("href")
        if tag == "a" and link and "nofollow" not in relations and len(self.links) < MAX_LINKS:
            self.links.append(link)
        elif tag == "base" and link and self.base is None:
            self.base = link
        elif tag == "link" and link and "canonical" in relations and self.canonical is None:
            self.canonical = link
        elif tag == "meta":
            self._meta(attributes)

    def end(self, tag: str) -> None:
        pass

    def data(self, text: str) -> None:
        pass

    def close(self) -> Any:
        return None

    def _meta(self, attributes: dict[str, str]) -> None:
        content = attributes.get("content", "")
        if attributes.get("name", "").strip().lower() in ("robots", TOKEN):
            self.robots.append(content)
        elif attributes.get("http-equiv", "").strip().lower() == "refresh":
            found = REFRESH.match(content)  # an old way to redirect
            if found is not None:
                self.links.append(found[1])
