"""A small web server on loopback for what the service fetches. A pytest plugin."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Pages:
    """``pages["/a.html"] = (content, media type)``; its address is ``url``."""

    def __init__(self) -> None:
        self._content: dict[str, tuple[bytes, str]] = {}
        pages = self._content

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content, media_type = pages.get(self.path, (b"", ""))
                self.send_response(200 if self.path in pages else 404)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_arguments: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __setitem__(self, path: str, page: tuple[bytes, str]) -> None:
        self._content[path] = page

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="session")
def pages() -> Iterator[Pages]:
    served = Pages()
    try:
        yield served
    finally:
        served.close()
