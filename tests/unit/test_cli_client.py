"""The commands' client, against a service that is not always ready."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import typer

from app.cli.client import Client
from app.settings import Settings


@contextmanager
def answering(*statuses: int) -> Iterator[int]:
    """The port of a service that answers with one after the other; who is not served may come again after a
    second."""
    left = list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = left.pop(0)
            body = b'{"ok": true}' if status == 200 else b'{"error": {"message": "not now", "code": "busy"}}'
            self.send_response(status)
            if status in (429, 503):
                self.send_header("Retry-After", "1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert not left, "it was asked as often as that"


def test_a_patient_one_comes_again() -> None:
    with answering(503, 429, 200) as port:
        begun = time.monotonic()
        assert Client(Settings(port=port), patience=10).get("/stats") == {"ok": True}
        assert 2 <= time.monotonic() - begun < 8


@pytest.mark.parametrize(
    ("statuses", "patience"),
    [((503,), 0.0), ((503, 503), 1.5), ((500,), 10.0), ((404,), 10.0)],
    ids=[
        "without patience",
        "until it is tired",
        "not after a fault of the service",
        "nor after one of its own",
    ],
)
def test_otherwise_it_says_what_it_was_told(
    statuses: tuple[int, ...], patience: float, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(*statuses) as port, pytest.raises(typer.Exit):
        Client(Settings(port=port), patience=patience).get("/stats")
    assert "not now (busy)" in capsys.readouterr().err
