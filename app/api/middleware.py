"""Around every request: its id, a bound on its body, its count in the metrics, safe headers, and an answer
to what nobody expected."""

import re
import uuid

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import unexpected_body
from app.metrics import Metrics
from indexes.errors import TooLarge

REQUEST_ID = re.compile(rb"[\w.-]{1,64}")
CONTENT_SECURITY = b"default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
DOCS = ("/docs", "/redoc")  # FastAPI's pages load their scripts from elsewhere


class RequestEdge:
    def __init__(self, app: ASGIApp, *, max_body: int, metrics: Metrics) -> None:
        self._app = app
        self._max_body = max_body
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        received = 0
        started = False

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > self._max_body:
                    raise TooLarge(f"the request is larger than {self._max_body >> 20} MiB")
            return message

        async def finished(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], *_headers(scope["path"], request_id)]
                route = getattr(scope.get("route"), "path", "unmatched")
                self._metrics.requests.labels(route, str(message["status"])).inc()
            await send(message)

        try:
            await self._app(scope, bounded, finished)
        except Exception as error:
            body = unexpected_body(error, request_id)
            if started:
                raise  # the connection is cut: half an answer must not look whole
            await JSONResponse(body, 500)(scope, bounded, finished)


def _headers(path: str, request_id: str) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"x-request-id", request_id.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
    ]
    if not path.startswith(DOCS):
        headers.append((b"content-security-policy", CONTENT_SECURITY))
    return headers
