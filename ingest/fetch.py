"""The one module that talks to addresses outside: everything fetched passes the same guard.

Only http and https; every address of the host must be global (or allowed by setting); the connection
goes to the checked address itself, so a name cannot change its answer in between; redirects are
followed by hand and checked again; the environment's proxies are not used.
"""

import ipaddress
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

from indexes.errors import FetchFailed, FetchRefused

MAX_REDIRECTS = 5
USER_AGENT = "Simurgh/0.1 (+document ingestion)"
NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, kw_only=True)
class Fetched:
    url: str  # after redirects
    content: bytes
    media_type: str | None


class Fetcher:
    """``allow`` names CIDRs (``10.0.0.0/8``) or host:port pairs that may be reached though not global."""

    def __init__(self, *, timeout: float, max_bytes: int, allow: Sequence[str]) -> None:
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._hosts = {entry for entry in allow if "/" not in entry}
        self._networks = [ipaddress.ip_network(entry) for entry in allow if "/" in entry]

    def fetch(self, url: str) -> Fetched:
        """Raises FetchRefused for an address that must not be reached, FetchFailed for the rest."""
        deadline = time.monotonic() + self._timeout
        with httpx.Client(trust_env=False, follow_redirects=False) as client:
            for _ in range(MAX_REDIRECTS + 1):
                answer = self._once(client, url, deadline)
                if isinstance(answer, Fetched):
                    return answer
                url = answer
        raise FetchFailed(f"more than {MAX_REDIRECTS} redirects", code="too_many_redirects")

    def _once(self, client: httpx.Client, url: str, deadline: float) -> Fetched | str:
        """The answer, or the address that it redirects to."""
        target = check_url(url)
        address = self._checked_address(target)
        pinned = target.copy_with(host=str(address))
        request = client.build_request(
            "GET",
            pinned,
            headers={"Host": target.netloc.decode("ascii"), "User-Agent": USER_AGENT, "Accept": "*/*"},
            extensions={
                "sni_hostname": target.raw_host.decode("ascii"),
                "timeout": httpx.Timeout(self._left(deadline)).as_dict(),
            },
        )
        try:
            response = client.send(request, stream=True)
            try:
                if response.is_redirect:
                    return urljoin(url, response.headers["location"])
                if response.status_code != 200:
                    raise FetchFailed(f"{url} answered {response.status_code}", code="fetch_status")
                content = self._body(response, deadline)
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise FetchFailed(f"cannot fetch {url}: {error or type(error).__name__}") from error
        media_type = response.headers.get("content-type", "").split(";")[0].strip().lower() or None
        return Fetched(url=url, content=content, media_type=media_type)

    def _body(self, response: httpx.Response, deadline: float) -> bytes:
        """The decompressed body, given up as soon as it grows too large or takes too long."""
        parts, size = [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > self._max_bytes:
                raise FetchFailed(f"the answer is larger than {self._max_bytes >> 20} MiB", code="too_large")
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
        return inner.is_global and not inner.is_multicast


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


def unwrapped(address: Address) -> Address:
    """The IPv4 address inside a mapped, 6to4, Teredo or NAT64 one, which is where packets end up."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address
