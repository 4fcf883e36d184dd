"""Addresses of a crawl that wait to be read, breadth first, and those that never will be."""

import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote

from ingest.addresses import path_of

MAX_HOPS = 5  # redirects, one to the next
SPARE = 3  # requests for each page that may be read: some are redirects, some are not there
FEW = 100  # requests that any crawl may make beyond these
VARIANTS = 4  # a path with different queries may take the n-th part of a crawl
FEWEST_VARIANTS = 10
NO_TEXT = re.compile(  # what no document is
    r"\.(7z|aac|apk|avi|avif|bin|bmp|bz2|class|css|deb|dll|dmg|dylib|eot|exe|flac|flv|gif|gz|heic|ico|img|iso"
    r"|jar|jpe?g|js|m3u8|m4[av]|map|mjs|mkv|mov|mp[34]|mpe?g|msi|ogg|og[av]|opus|otf|png|psd|py[cdo]|rar|rpm"
    r"|so|svgz?|swf|tar|tgz|tiff?|torrent|ttf|wasm|wav|web[mp]|whl|wm[av]|woff2?|xz|zip|zst)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    address: str
    depth: int  # links from the start
    changed: float | None = None  # seconds since the epoch: by the sitemap it has not changed after that
    hops: int = 0  # redirects that led to it
    again: bool = False  # it failed before


class Frontier:
    """Memory is bounded by what a crawl may ask for: what could never be asked for is not kept."""

    def __init__(self, home: str, spec: Mapping[str, Any], allows: Callable[[str], bool]) -> None:
        """``home``: how addresses of the site begin. ``spec``: of the source. ``allows``: what the site's
        robots.txt says of an address."""
        self._home = home
        self._allows = allows
        self._depth: int = spec["depth"]
        self._pages: int = spec["max_pages"]
        self._include = [unquote(one) for one in spec["include"]]
        self._exclude = [unquote(one) for one in spec["exclude"]]
        self._requests: int = SPARE * self._pages + FEW
        self._variants = Counter[str]()
        self._most_variants = max(FEWEST_VARIANTS, self._pages // VARIANTS)
        self._waiting: OrderedDict[str, Waiting] = OrderedDict()
        self._failed: list[Waiting] = []
        self._met: set[str] = set()

    def add(self, one: Waiting, *, next_: bool = False) -> None:
        """``next_``: before all others. Met before, it is not added; then the sitemap's word may be new."""
        if (known := self._waiting.get(one.address)) is not None:
            self._waiting[one.address] = replace(known, changed=known.changed or one.changed)
        elif one.address not in self._met and self._worth(one) and self.meet(one.address):
            self._waiting[one.address] = one
            if next_:
                self._waiting.move_to_end(one.address, last=False)

    def meet(self, address: str) -> bool:
        """Whether it was not met before; from now on it was."""
        new = address not in self._met
        self._met.add(address)
        return new

    def postpone(self, one: Waiting) -> None:
        """Ask once more, when all others have been asked."""
        self._failed.append(replace(one, again=True))

    def next(self) -> Waiting | None:
        if self._pages <= 0 or self._requests <= 0:
            return None
        self._requests -= 1
        if self._waiting:
            return self._waiting.popitem(last=False)[1]
        return self._failed.pop(0) if self._failed else None

    @property
    def full(self) -> bool:
        """Whether what is added now could never be asked for."""
        return len(self._waiting) >= self._requests

    def read(self) -> None:
        """A page was: that is what a crawl may have so many of."""
        self._pages -= 1

    def takes(self, address: str) -> bool:
        """Whether it may be asked for: of this site, allowed by it, and of a kind that was asked for."""
        return (
            address.startswith(self._home)
            and NO_TEXT.search(address.partition("?")[0][-10:]) is None
            and self.stores(address)
            and self._allows(address)
        )

    def stores(self, address: str) -> bool:
        """Whether the patterns say that it is one of those that were asked for."""
        path = path_of(address)
        included = not self._include or any(fnmatchcase(path, one) for one in self._include)
        return included and not any(fnmatchcase(path, one) for one in self._exclude)

    def _worth(self, one: Waiting) -> bool:
        if one.depth > self._depth or one.hops > MAX_HOPS or self.full:
            return False
        if not self.takes(one.address):
            return False
        path, mark, _ = one.address.partition("?")
        if mark:
            self._variants[path] += 1
        return not mark or self._variants[path] <= self._most_variants
