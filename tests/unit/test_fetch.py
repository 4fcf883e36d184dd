"""What may be fetched from where, how much of it and for how long."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from indexes.errors import FetchFailed, FetchRefused
from ingest.fetch import MAX_REDIRECTS, Fetched, Fetcher
from tests.support.sites import Site, drip, gzipped, page, redirect

LOOPBACK = ["127.0.0.0/8"]


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as made:
        yield made


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every address that this test connects to. In a whole session a real engine lives beside it, whose
    watcher has a thread of its own."""
    made: list[object] = []
    connect = socket.socket.connect
    here = threading.get_ident()

    def recorded(self: socket.socket, address: object) -> None:
        if threading.get_ident() == here:
            made.append(address)
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", recorded)
    return made


def fetch(url: str, *, allow: list[str] = LOOPBACK, timeout: float = 5, max_bytes: int = 1 << 20) -> Fetched:
    return Fetcher(timeout=timeout, max_bytes=max_bytes, allow=allow).fetch(url)


def test_a_page(site: Site) -> None:
    site.pages["/a?b=c"] = page("سلام".encode(), content_type="text/html; charset=utf-8")
    fetched = fetch(f"{site.url}/a?b=c#d")
    assert (fetched.content.decode(), fetched.content_type) == ("سلام", "text/html; charset=utf-8")
    assert site.requests[0]["host"] == site.host
    assert "simurgh" in site.requests[0]["user-agent"].lower()


PRIVATE = [
    "127.0.0.1",
    "127.1.2.3",
    "localhost",
    "0.0.0.0",  # noqa: S104
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "2130706433",
    "0177.0.0.1",
    "0x7f.1",
    "0x7f000001",
    "127.1",
    "[::1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a00:1::1]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[fe80::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[2001:db8::1]",
    "[5f00::1]",
    "１２７.0.0.1",
    "127。0。0。1",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_what_is_not_public_is_never_connected_to(host: str, connections: list[object]) -> None:
    with pytest.raises(FetchFailed) as refusal:
        fetch(f"http://{host}/", allow=[])
    assert refusal.value.code in ("fetch_refused", "unknown_host")
    assert connections == []


@pytest.mark.parametrize("host", PRIVATE)
def test_nor_are_redirects_to_it(host: str, site: Site, connections: list[object]) -> None:
    site.pages["/"] = redirect(f"http://{host}:9/")
    with pytest.raises(FetchFailed):
        fetch(site.url + "/", allow=[site.host])
    assert len(connections) == len(site.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "data:text/plain,x",
        "javascript:alert(1)",
        "//example.org/",
        "/etc/passwd",
        "",
        "http://",
        "http:///x",
        "http://user@example.org/",
        "http://user:password@example.org/",
        "http://a@127.0.0.1:80@example.org/",
        "http://[::1",
        "http://example.org:99999/",
        "http://exa mple.org/",
        "http://" + "a" * 70 + ".org/",
        "http://\x00.org/",
    ],
)
def test_addresses_that_are_none(
    url: str, connections: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _resolves_nothing)
    with pytest.raises(FetchFailed):
        fetch(url)
    assert connections == []


def _resolves_nothing(*_args: object, **_more: object) -> None:
    raise socket.gaierror("no network in this test")


def test_a_name_with_one_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, connections: list[object]
) -> None:
    def both(*_args: object, **_more: object) -> list[object]:
        return [(2, 1, 6, "", ("93.184.216.34", 80)), (2, 1, 6, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(FetchRefused):
        fetch("http://two-faced.example/", allow=[])
    assert connections == []


def test_the_checked_address_is_the_one_connected_to(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers otherwise the second time gains nothing."""
    answers = iter(["127.0.0.1", "169.254.169.254"])
    resolve = socket.getaddrinfo

    def rebinding(host: str, port: int, *args: object, **more: object) -> object:
        return resolve(next(answers) if host == "rebind.example" else host, port, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    site.pages["/"] = page(b"ok")
    url = f"http://rebind.example:{site.host.split(':')[1]}/"
    assert fetch(url).content == b"ok"
    assert site.requests[0]["host"].startswith("rebind.example:")


def test_what_an_operator_allows(site: Site) -> None:
    site.pages["/"] = page(b"ok")
    for allow in ([site.host], LOOPBACK, ["10.0.0.0/8", "127.0.0.1/32"]):
        assert fetch(site.url + "/", allow=allow).content == b"ok"
    with pytest.raises(FetchRefused, match="SIMURGH_FETCH_ALLOW"):
        fetch(site.url + "/", allow=["127.0.0.1:1", "10.0.0.0/8"])


def test_the_environments_proxies_are_not_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    site.pages["/"] = page(b"ok")
    assert fetch(site.url + "/").content == b"ok"


# -- redirects and statuses


def test_redirects_are_followed(site: Site) -> None:
    site.pages |= {"/a": redirect("/b"), "/b": redirect(f"{site.url}/c", 301), "/c": page(b"there")}
    fetched = fetch(f"{site.url}/a")
    assert (fetched.content, fetched.url) == (b"there", f"{site.url}/c")


def test_a_loop_ends(site: Site) -> None:
    site.pages |= {"/a": redirect("/b"), "/b": redirect("/a")}
    with pytest.raises(FetchFailed) as failure:
        fetch(f"{site.url}/a")
    assert failure.value.code == "too_many_redirects"
    assert len(site.requests) == MAX_REDIRECTS + 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://[", "ftp://x/", "http://u:p@127.0.0.1/"])
def test_redirects_to_what_is_no_address(site: Site, location: str) -> None:
    site.pages["/"] = redirect(location)
    with pytest.raises(FetchFailed):
        fetch(site.url + "/")


@pytest.mark.parametrize("status", [204, 300, 304, 404, 500])
def test_other_statuses(site: Site, status: int) -> None:
    site.pages["/"] = page(b"", status=status)
    with pytest.raises(FetchFailed, match=str(status)):
        fetch(site.url + "/")


def test_nobody_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(FetchFailed, match="cannot fetch"):
            fetch(f"http://127.0.0.1:{unused.getsockname()[1]}/")


# -- sizes and times


def test_size_counts_after_decompression(site: Site) -> None:
    site.pages["/small"] = page(gzip.compress(b"hello"), content_encoding="gzip")
    assert fetch(f"{site.url}/small").content == b"hello"
    site.pages["/bomb"] = page(gzipped(200), content_encoding="gzip")
    with pytest.raises(FetchFailed) as failure:
        fetch(f"{site.url}/bomb")
    assert failure.value.code == "too_large"
    site.pages["/large"] = page(bytes(2 << 20))
    with pytest.raises(FetchFailed, match="1 MiB"):
        fetch(f"{site.url}/large")


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "deflate, gzip"])
def test_encodings_that_multiply_are_refused(site: Site, encoding: str) -> None:
    site.pages["/"] = page(gzip.compress(gzipped(10)), content_encoding=encoding)
    with pytest.raises(FetchFailed, match="encoding that was not asked for"):
        fetch(site.url + "/")


@pytest.mark.parametrize("headers", [True, False], ids=["headers", "body"])
def test_a_server_that_drips_is_left(site: Site, headers: bool) -> None:
    site.pages["/"] = drip(headers=headers)
    begun = time.monotonic()
    with pytest.raises(FetchFailed) as failure:
        fetch(site.url + "/", timeout=0.5)
    assert failure.value.code == "fetch_timeout"
    assert time.monotonic() - begun < 3


def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(FetchFailed) as failure:
        fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.3)
    assert failure.value.code == "fetch_timeout"


@pytest.mark.parametrize(
    "answer", [b"nonsense\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"]
)
def test_what_is_no_http(site: Site, answer: bytes) -> None:
    def rough(handler: object) -> None:
        handler.wfile.write(answer)  # type: ignore[attr-defined]
        handler.close_connection = True  # type: ignore[attr-defined]

    site.pages["/"] = rough
    with pytest.raises(FetchFailed):
        fetch(site.url + "/")


def test_a_connection_is_kept_for_its_own_host_only(site: Site, connections: list[object]) -> None:
    """Two names of one address: what was opened for the one is not used for the other."""
    for number in range(3):
        site.pages[f"/{number}"] = page(b"x")
    fetcher = Fetcher(timeout=5, max_bytes=100, allow=LOOPBACK)
    with closing(fetcher.lines()) as lines:
        for number in range(3):
            fetcher.fetch(f"{site.url}/{number}", lines=lines)
        assert len(connections) == 1
        fetcher.fetch(f"{site.url}/0".replace("127.0.0.1", "localhost"), lines=lines)
    assert len(connections) == 2
    assert [request["host"].partition(":")[0] for request in site.requests] == 3 * ["127.0.0.1"] + [
        "localhost"
    ]


@pytest.mark.parametrize("headers", [True, False])
def test_a_kept_connection_is_cut_off_as_well(site: Site, headers: bool) -> None:
    site.pages["/"], site.pages["/slow"] = page(b"x"), drip(headers=headers)
    fetcher = Fetcher(timeout=0.5, max_bytes=1 << 20, allow=LOOPBACK)
    with closing(fetcher.lines()) as lines:
        fetcher.fetch(f"{site.url}/", lines=lines)
        began = time.monotonic()
        with pytest.raises(FetchFailed) as failure:
            fetcher.fetch(f"{site.url}/slow", lines=lines)
        assert failure.value.code == "fetch_timeout"
        assert time.monotonic() - began < 3
        assert fetcher.fetch(f"{site.url}/", lines=lines).content == b"x"


def test_a_redirect_that_is_not_followed_and_a_body_that_is_not_wanted(site: Site) -> None:
    site.pages["/"] = redirect("/there")
    site.pages["/film"] = page(b"x" * 50, content_type="video/mp4", x_robots_tag="noindex")
    fetcher = Fetcher(timeout=5, max_bytes=10, allow=LOOPBACK)
    assert fetcher.fetch(f"{site.url}/", follow=False).redirect == f"{site.url}/there"
    fetched = fetcher.fetch(f"{site.url}/film", wanted=lambda content_type: content_type != "video/mp4")
    assert (fetched.unwanted, fetched.content) == (True, b"")
    with pytest.raises(FetchFailed) as failure:
        fetcher.fetch(f"{site.url}/film")
    assert failure.value.code == "too_large"
    with pytest.raises(FetchFailed) as failure:
        fetcher.fetch(f"{site.url}/none")
    assert failure.value.status == 404
