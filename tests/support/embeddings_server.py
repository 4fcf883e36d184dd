"""An embeddings endpoint in OpenAI's form on loopback, answering with a FakeEmbedder."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from indexes.embedder import FakeEmbedder


class EmbeddingsServer:
    """``with EmbeddingsServer() as server: server.url``; set ``answer`` to make it misbehave."""

    def __init__(self) -> None:
        self.answer: tuple[int, Any] | None = None  # status and body, instead of embeddings
        self.batches: list[int] = []
        self.authorizations: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.authorizations.append(self.headers["Authorization"])
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = outer.answer or (200, outer.embed(body["input"]))
                content = json.dumps(answer).encode()
                self.send_response(status if self.path == "/v1/embeddings" else 404)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def embed(self, texts: list[str]) -> dict[str, Any]:
        """In reverse: an order is not promised, only an index."""
        self.batches.append(len(texts))
        rows = FakeEmbedder().embed_passages(texts) * 3  # nor unit length
        data = [{"index": i, "embedding": row.tolist()} for i, row in enumerate(rows)]
        return {"object": "list", "data": data[::-1]}

    def __enter__(self) -> "EmbeddingsServer":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
