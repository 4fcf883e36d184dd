"""The many ways to write an address that must not be reached: none of them opens a connection."""

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from indexes.errors import FetchFailed
from ingest.fetch import Fetcher
from tests.support.sites import Site, redirect

TARGETS = {
    "loopback": "127.0.0.1",
    "all": "0.0.0.0",  # noqa: S104
    "ten": "10.1.2.3",
    "house": "192.168.0.1",
    "carrier": "100.64.1.1",
    "metadata": "169.254.169.254",
    "oracle": "192.0.0.192",
    "alibaba": "100.100.100.200",
    "multicast": "239.1.1.1",
    "broadcast": "255.255.255.255",
}
IPV6 = (
    "::1 :: 0:0:0:0:0:0:0:1 ::1%25lo fe80::1 fe80::1%25eth0 fec0::1 fc00::1 fd00:ec2::254 fd20:ce::254 "
    "ff02::1 ff05::2 2001:db8::1 3fff::1 100::1 64:ff9b:1::7f00:1 2001:2::1 2001:10::1 5f00::1 4000::1"
)
NAMES = ["localhost", "LOCALHOST", "localhost.", "ip6-localhost", "localhost.localdomain", "a.localhost"]


def writings(address: str) -> Iterator[tuple[str, str]]:
    """Name of the way, and the host as it stands in a URL."""
    ip = ipaddress.IPv4Address(address)
    a, b, c, d = ip.packed
    yield "dotted", address
    yield "integer", str(int(ip))
    yield "hex", hex(int(ip))
    yield "octal", f"0{int(ip):o}"
    yield "dotted hex", f"{a:#x}.{b:#x}.{c:#x}.{d:#x}"
    yield "dotted octal", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}"
    yield "mixed", f"{a:#x}.0{b:o}.{c}.{d}"
    yield "three parts", f"{a}.{b}.{c << 8 | d}"
    yield "two parts", f"{a}.{b << 16 | c << 8 | d}"
    yield "trailing dot", f"{address}."
    yield "full width", address.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})
    yield "ideographic dots", address.replace(".", "。")
    yield "encoded", "".join(f"%{ord(sign):02x}" for sign in address)
    yield "mapped", f"[::ffff:{address}]"
    yield "mapped hex", f"[::ffff:{a:02x}{b:02x}:{c:02x}{d:02x}]"
    yield "compatible", f"[::{address}]"
    yield "translated", f"[::ffff:0:{address}]"
    yield "nat64", f"[64:ff9b::{a:02x}{b:02x}:{c:02x}{d:02x}]"
    yield "local nat64", f"[64:ff9b:1::{a:02x}{b:02x}:{c:02x}{d:02x}]"
    yield "6to4", f"[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1]"
    yield "teredo", f"[2001::{a ^ 255:02x}{b ^ 255:02x}:{c ^ 255:02x}{d ^ 255:02x}]"
    yield "teredo server", f"[2001:0:{a:02x}{b:02x}:{c:02x}{d:02x}:0:0:f7f7:f7f7]"


HOSTS = {
    **{f"{name}, {way}": host for name, address in TARGETS.items() for way, host in writings(address)},
    **{host: host for host in (*(f"[{one}]" for one in IPV6.split()), *NAMES)},
}


@pytest.fixture(scope="module")
def fetcher() -> Fetcher:
    return Fetcher(timeout=5, max_bytes=1 << 20, allow=())


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Counted at the socket, and refused there: what gets through fails the test and reaches nobody."""
    made: list[object] = []
    connect = socket.socket.connect

    def recorded(self: socket.socket, address: Any) -> None:
        if self.family == socket.AF_UNIX:  # an engine's health check may run beside these tests
            connect(self, address)
            return
        made.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", recorded)
    return made


def test_there_are_many() -> None:
    assert len(HOSTS) >= 200


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS.keys())
def test_no_form_of_it_is_connected_to(host: str, fetcher: Fetcher, connections: list[object]) -> None:
    for url in (f"http://{host}/", f"https://{host}:8443/latest/meta-data/"):
        with pytest.raises(FetchFailed):
            fetcher.fetch(url)
    assert connections == []


def test_nor_does_a_redirect_lead_to_any() -> None:
    with Site() as site, Site() as inner:  # the inner one listens on loopback and would be reached
        fetcher = Fetcher(timeout=5, max_bytes=1 << 20, allow=[site.host])
        for number, host in enumerate(HOSTS.values()):
            site.pages[f"/{number}"] = redirect(f"http://{host}:{inner.host.split(':')[1]}/")
            with pytest.raises(FetchFailed):
                fetcher.fetch(f"{site.url}/{number}")
        assert len(site.requests) == len(HOSTS)
        assert inner.requests == []
