"""The one module that talks to addresses outside: everything fetched passes the same guard.

Only http and https; every address of the host must be global (or allowed by setting); the connection
goes to the checked address itself, so a name cannot change its answer in between; redirects are
followed by hand and checked again; the environment's proxies are not used.
"""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any
from urllib.parse import urljoin

import httpx

from indexes.errors import FetchFailed, FetchRefused

MAX_REDIRECTS = 5
USER_AGENT = "Simurgh/0.1 (+document ingestion)"
HEADERS = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
ENCODINGS = ("", "identity", "gzip", "x-gzip", "deflate")  # one at most: nested ones multiply a bomb's size
NAT64 = ipaddress.ip_network("64:ff9b::/96")
PROTOCOL_ASSIGNMENTS = ipaddress.ip_network("192.0.0.0/24")  # older Pythons take most of it for global
# Where nothing public lives: Teredo, by which packets reach whatever is written inside, and documentation.
UNUSED = [ipaddress.ip_network(one) for one in ("2001::/32", "3fff::/20")]
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is routed in public
NONE: Mapping[str, str] = MappingProxyType({})
CONDITIONS = {"etag": "If-None-Match", "last_modified": "If-Modified-Since"}  # validator -> header
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


Origin = tuple[str, str, int | None]  # scheme, host, port if it is not the scheme's own


@dataclass(frozen=True, kw_only=True)
class Fetched:
    url: str  # after redirects
    content: bytes = b""
    content_type: str | None = None  # as the server gave it, perhaps with a charset
    unchanged: bool = False  # 304: what is known already is still so; then there is no content
    unwanted: bool = False  # of a type that was not wanted: nothing of it was read
    redirect: str | None = None  # where to, if redirects were not to be followed
    validators: Mapping[str, str] = field(default_factory=dict)  # etag, last_modified
    robots: Sequence[str] = ()  # X-Robots-Tag


class Lines:
    """Connections that stay open from one request to the next: a client for each origin, since connections
    are pinned to addresses, where another host's could be taken for this one's."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._clients: dict[Origin, httpx.Client] = {}
        self._sockets: list[socket.socket] = []

    def client(self, url: httpx.URL) -> httpx.Client:
        origin = origin_of(url)
        if origin not in self._clients:
            self._clients[origin] = httpx.Client(verify=self._tls, trust_env=False, follow_redirects=False)
        return self._clients[origin]

    def trace(self, event: str, info: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets = [one for one in self._sockets if one.fileno() >= 0]
            self._sockets.append(info["return_value"].get_extra_info("socket"))

    @contextmanager
    def cut_off(self, seconds: float) -> Iterator[None]:
        """After ``seconds`` every connection is shut down: a server that sends a byte now and then would
        never meet a limit on single reads."""

        def cut() -> None:
            for connection in self._sockets:
                with suppress(OSError):  # closed meanwhile
                    connection.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


class Fetcher:
    """``allow`` names CIDRs (``10.0.0.0/8``) or host:port pairs that may be reached though not global."""

    def __init__(self, *, timeout: float, max_bytes: int, allow: Sequence[str]) -> None:
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._hosts = {entry for entry in allow if "/" not in entry}
        self._networks = [ipaddress.ip_network(entry) for entry in allow if "/" in entry]

    def lines(self) -> Lines:
        """For several fetches; the caller closes them."""
        return Lines(self._tls)

    def fetch(
        self,
        url: str,
        *,
        headers: Mapping[str, str] = NONE,
        known: Mapping[str, str] = NONE,
        lines: Lines | None = None,
        follow: bool = True,
        wanted: Callable[[str | None], bool] = lambda _content_type: True,
    ) -> Fetched:
        """``headers`` go to the origin of ``url`` alone, not to where it redirects. ``known``: validators of
        what is there already. ``wanted`` tells by the content type whether the body is read.

        Raises FetchRefused for an address that must not be reached, FetchFailed for the rest."""
        if lines is None:
            with closing(self.lines()) as own:
                return self.fetch(url, headers=headers, known=known, lines=own, follow=follow, wanted=wanted)
        deadline = time.monotonic() + self._timeout
        asked = origin_of(check_url(url))
        known = {CONDITIONS[name]: value for name, value in known.items() if name in CONDITIONS}
        with lines.cut_off(self._timeout):
            for _ in range(MAX_REDIRECTS + 1):
                trusted = origin_of(check_url(url)) == asked
                more = {**known, **headers} if trusted else known
                try:
                    answer = self._once(lines, url, deadline, more, wanted)
                except httpx.HTTPError as error:
                    self._left(deadline)  # cut off for its slowness
                    raise FetchFailed(f"cannot fetch {url}: {error or type(error).__name__}") from error
                if answer.redirect is None or not follow:
                    return answer
                url = answer.redirect
        raise FetchFailed(f"more than {MAX_REDIRECTS} redirects", code="too_many_redirects")

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Once: reading the authorities' certificates takes longer than fetching a page."""
        return httpx.create_ssl_context(trust_env=False)

    def _once(
        self,
        lines: Lines,
        url: str,
        deadline: float,
        more: Mapping[str, str],
        wanted: Callable[[str | None], bool],
    ) -> Fetched:
        target = check_url(url)
        address = self._checked_address(target)
        client = lines.client(target)
        request = client.build_request(
            "GET",
            target.copy_with(host=str(address)),
            headers={**HEADERS, **more, "Host": target.netloc.decode("ascii"), "User-Agent": USER_AGENT},
            extensions={
                "sni_hostname": target.raw_host.decode("ascii"),
                "timeout": httpx.Timeout(self._left(deadline)).as_dict(),
                "trace": lines.trace,
            },
        )
        response = client.send(request, stream=True)
        try:
            robots = response.headers.get_list("x-robots-tag")
            content_type = response.headers.get("content-type")
            if response.has_redirect_location:
                return Fetched(url=url, redirect=_joined(url, response.headers["location"]))
            if response.status_code == 304 and more:
                return Fetched(url=url, unchanged=True, robots=robots)
            if response.status_code != 200:
                raise FetchFailed(
                    f"{url} answered {response.status_code}",
                    code="fetch_status",
                    status=response.status_code,
                )
            if not wanted(content_type):
                return Fetched(url=url, content_type=content_type, unwanted=True)
            if response.headers.get("content-encoding", "identity").strip().lower() not in ENCODINGS:
                raise FetchFailed(f"{url} answered in an encoding that was not asked for")
            content = self._body(response, deadline)
        finally:
            response.close()
        return Fetched(
            url=url,
            content=content,
            content_type=content_type,
            validators={
                name: response.headers[name.replace("_", "-")]
                for name in CONDITIONS
                if name.replace("_", "-") in response.headers
            },
            robots=robots,
        )

    def _body(self, response: httpx.Response, deadline: float) -> bytes:
        """The decompressed body, given up as soon as it grows too large or takes too long."""
        too_large = FetchFailed(f"the answer is larger than {self._max_bytes >> 20} MiB", code="too_large")
        announced = response.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            raise too_large
        parts, size = [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > self._max_bytes:
                raise too_large
            self._left(deadline)
            parts.append(part)
        return b"".join(parts)

    def _left(self, deadline: float) -> float:
        left = deadline - time.monotonic()
        if left <= 0:
            raise FetchFailed(f"no complete answer within {self._timeout:g} s", code="fetch_timeout")
        return left

    def _checked_address(self, url: httpx.URL) -> Address:
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        try:
            found = socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise FetchFailed(f"cannot resolve {url.host!r}", code="unknown_host") from error
        addresses = [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
        if f"{url.host}:{port}" not in self._hosts:
            for address in addresses:
                if not self._may_reach(address):
                    raise FetchRefused(
                        f"{url.host!r} is at {address}, which is not a public address; an operator can "
                        "allow it with SIMURGH_FETCH_ALLOW",
                        param="urls",
                    )
        return addresses[0]

    def _may_reach(self, address: Address) -> bool:
        inner = unwrapped(address)
        if any(one in network for one in (address, inner) for network in self._networks):
            return True
        if isinstance(inner, ipaddress.IPv6Address) and inner not in GLOBAL_UNICAST:
            return False
        if any(address in network for network in UNUSED):
            return False
        return inner.is_global and not inner.is_multicast and inner not in PROTOCOL_ASSIGNMENTS


def check_url(url: str) -> httpx.URL:
    """Raises FetchRefused for anything but a plain http or https address."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchRefused(f"not an address: {url[:200]!r}", param="urls") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise FetchRefused(f"only http and https addresses can be fetched, not {url[:200]!r}", param="urls")
    if parsed.userinfo:
        raise FetchRefused("an address with a user name or password in it is not fetched", param="urls")
    return parsed


def origin_of(url: httpx.URL) -> Origin:
    return url.scheme, url.host, url.port


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise FetchFailed(f"{url} redirects to what is no address", code="fetch_status") from error


def unwrapped(address: Address) -> Address:
    """The IPv4 address inside a mapped, 6to4, Teredo or NAT64 one, which is where packets end up."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address
