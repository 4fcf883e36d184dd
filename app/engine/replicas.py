"""The servers behind RemoteEngines: which one is asked next, and what their errors mean."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from indexes.errors import EngineUnavailable, InvalidRequest, SimurghError, UpstreamFailed, WindowExceeded

REST = 5.0  # seconds that a replica is left alone after it failed, while others answer


class Lost(Exception):
    """A replica went away or asked for patience; ``seen`` is what the caller is told in the end."""

    def __init__(self, seen: EngineUnavailable) -> None:
        super().__init__(seen.message)
        self.seen = seen


@dataclass
class Replica:
    url: str
    client: httpx.AsyncClient
    running: int = 0
    failed_at: float = -1e9  # time.monotonic()
    adapters: set[str] = field(default_factory=set)  # names known to be loaded there


class Replicas:
    def __init__(
        self, urls: Sequence[str], *, api_key: str | None, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        if not urls:
            raise ValueError("no URL of a generator server was given")
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self.all = [
            Replica(
                url=base,
                client=httpx.AsyncClient(
                    base_url=base,
                    headers=headers,
                    transport=transport,
                    # Between two pieces of an answer; a long prompt in a full batch takes its time.
                    timeout=httpx.Timeout(120.0, connect=5.0),
                    # Shorter than servers keep an idle connection: none is used while it is being closed.
                    limits=httpx.Limits(max_connections=None, keepalive_expiry=2.0),
                    trust_env=False,
                ),
            )
            for base in dict.fromkeys(_base(url) for url in urls)
        ]
        self._turn = itertools.count()

    async def aclose(self) -> None:
        for replica in self.all:
            await replica.client.aclose()

    def pick(self, tried: set[str]) -> Replica:
        """The least loaded of those not tried that did not fail lately; in turn among equals."""
        now = time.monotonic()
        turn = next(self._turn)
        rest = [(r, i) for i, r in enumerate(self.all) if r.url not in tried]
        if not rest:
            raise self.unavailable()
        return min(
            rest, key=lambda p: (now - p[0].failed_at < REST, p[0].running, (p[1] - turn) % len(self.all))
        )[0]

    def unavailable(self) -> EngineUnavailable:
        urls = ", ".join(r.url for r in self.all)
        return EngineUnavailable(f"no generator server answers: {urls}", retry_after=round(REST))

    def lost(self, replica: Replica, error: Exception) -> EngineUnavailable:
        replica.failed_at = time.monotonic()
        replica.adapters.clear()  # it may come back without them
        reason = str(error) or type(error).__name__
        return EngineUnavailable(f"{replica.url} does not answer: {reason}", retry_after=round(REST))

    def translate(self, replica: Replica, response: httpx.Response) -> SimurghError:
        """The domain's error for an answer other than 200."""
        status, text = response.status_code, message_of(response)
        if status == 429 or status >= 500:
            replica.failed_at = time.monotonic()
            after = response.headers.get("Retry-After", "")
            return EngineUnavailable(
                f"{replica.url} is not available (status {status}): {text}",
                retry_after=int(after) if after.isdigit() else round(REST),
            )
        if status in (401, 403):
            return UpstreamFailed(f"{replica.url} refuses SIMURGH_GENERATOR_API_KEY (status {status})")
        return error_of(replica, {"message": text, "code": status})


def error_of(replica: Replica, error: dict[str, Any]) -> SimurghError:
    text = str(error.get("message") or error)
    code = error.get("code")
    if "context length" in text or "max_model_len" in text:
        return WindowExceeded(text)
    if isinstance(code, int) and code >= 500:
        return EngineUnavailable(f"{replica.url} failed: {text}", retry_after=round(REST))
    if code == 422:
        return InvalidRequest(f"{replica.url} refuses the request: {text}")
    return UpstreamFailed(f"{replica.url} refuses the request: {text}")


def message_of(response: httpx.Response) -> str:
    """The server's own words, at most 500 characters of them."""
    try:
        body = response.json()
        error = body.get("error", body)
        text = error.get("message") or error.get("detail") or body
    except (ValueError, AttributeError):
        text = response.text
    return str(text)[:500]


def _base(url: str) -> str:
    """Servers are given with or without the trailing /v1."""
    return url.rstrip("/").removesuffix("/v1")
