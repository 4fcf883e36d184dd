"""A small web server on loopback for the fetch module, well behaved or not."""

import gzip
import hashlib
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handler = BaseHTTPRequestHandler


class Site:
    """``with Site() as site: site.pages["/x"] = answer``; it counts the requests that reach it. What is not
    among its pages is not found."""

    def __init__(self) -> None:
        self.pages: dict[str, Callable[[Handler], None]] = {}
        self.requests: list[dict[str, str]] = []
        site = self

        class Handling(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.requests.append({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})
                try:
                    site.pages.get(self.path, page(b"", status=404))(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the client has left, as some tests want

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handling)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"

    def asked(self) -> list[str]:
        """Paths that were asked for since the last time, in their order."""
        paths = [request["path"] for request in self.requests]
        self.requests.clear()
        return paths

    def __enter__(self) -> "Site":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def page(content: bytes, *, status: int = 200, **headers: str) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in {"content_length": str(len(content)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def linking(*links: str, text: str = "", head: str = "", **headers: str) -> Callable[[Handler], None]:
    """An HTML page with a text and links, by its bytes told from others: asked for again it answers 304."""
    anchors = "".join(f'<a href="{link}">there</a> ' for link in links)
    body = f"<html><head><meta charset=utf-8>{head}</head><body><p>{text}</p>{anchors}</body></html>".encode()
    return tagged(body, content_type="text/html", **headers)


def tagged(content: bytes, **headers: str) -> Callable[[Handler], None]:
    """With an ETag, and 304 for whoever has it."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'

    def answer(handler: Handler) -> None:
        if handler.headers.get("If-None-Match") == etag:
            page(b"", status=304, etag=etag)(handler)
        else:
            page(content, etag=etag, **headers)(handler)

    return answer


def redirect(location: str, status: int = 302) -> Callable[[Handler], None]:
    return page(b"", status=status, location=location.encode().decode("latin-1"))


def gzipped(megabytes: int) -> bytes:
    return gzip.compress(bytes(megabytes << 20))


def drip(*, headers: bool) -> Callable[[Handler], None]:
    """A byte every 50 ms, within the headers or within the body."""

    def answer(handler: Handler) -> None:
        if headers:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        else:
            handler.send_response(200)
            handler.send_header("Content-Length", "100000")
            handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    return answer
