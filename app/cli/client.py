"""The running service as the commands see it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import ValidationError
from pydantic_settings import SettingsError

from app.cli.output import fail
from app.settings import Settings

JOB_POLL = 0.3  # seconds
TIMEOUT = httpx.Timeout(300, connect=5)
ENDED = ("succeeded", "failed", "cancelled")
PATIENCE = 600.0  # seconds that a long measurement waits for a service that asks it to come again


def load_settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        fail(
            "; ".join(
                f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors()
            ),
            2,
        )
    except SettingsError as error:
        fail(f"settings: {error}", 2)


class Client:
    def __init__(self, settings: Settings, *, patience: float = 0.0) -> None:
        """``patience``: seconds in which a request is sent again where the service is not ready or too busy
        for it, and says when to come again."""
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.url = f"http://{host}:{settings.port}"
        self._patience = patience
        key = settings.api_key
        headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
        self._http = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=TIMEOUT,
            limits=httpx.Limits(max_keepalive_connections=0),  # a command leaves no connection open
            trust_env=False,
        )

    def get(self, path: str, **params: Any) -> Any:
        return self._checked(self._send("GET", path, params=params))

    def text(self, path: str) -> str:
        """Of a route whose reply is a text."""
        with self._translated():
            response = self._http.get(path)
        self._require_success(response)
        return response.text

    def post(self, path: str, body: Any) -> Any:
        return self._checked(self._send("POST", path, json=body))

    def patch(self, path: str, body: Any) -> Any:
        return self._checked(self._send("PATCH", path, json=body))

    def delete(self, path: str) -> None:
        self._checked(self._send("DELETE", path))

    def upload(self, path: str, files: list[Path], fields: dict[str, Any]) -> Any:
        opened = [("file", (file.name, file.open("rb"))) for file in files]
        try:
            return self._checked(self._send("POST", path, files=opened, data=fields))
        finally:
            for _, (_, stream) in opened:
                stream.close()

    def ready(self) -> dict[str, Any]:
        """The body of /health/ready, whatever its status. Fails when nothing listens."""
        return dict(self._send("GET", "/health/ready").json())

    @contextmanager
    def events(self, body: Any) -> Iterator[Iterator[tuple[str, Any]]]:
        """Server-sent events of a streamed /ask as (name, data)."""
        with self._translated(), self._http.stream("POST", "/ask", json=body) as response:
            if response.status_code != 200:
                response.read()
                self._checked(response)
            yield _events(response.iter_lines())

    def wait_for_job(self, job_id: str) -> Iterator[dict[str, Any]]:
        """The job each time it is looked at, the last time ended."""
        while True:
            job = self.get(f"/jobs/{job_id}")
            yield job
            if job["status"] in ENDED:
                return
            time.sleep(JOB_POLL)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        tired = time.monotonic() + self._patience
        while True:
            with self._translated():
                response = self._http.request(method, path, **options)
            wait = _come_again(response)
            if wait is None or time.monotonic() + wait > tired:
                return response
            time.sleep(wait)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout):
            fail(f"nothing answers at {self.url}: start the service with `make serve` or `simurgh serve`")
        except httpx.HTTPError as error:
            fail(f"{self.url} broke off: {error}")

    def _checked(self, response: httpx.Response) -> Any:
        self._require_success(response)
        return response.json() if response.content else None

    def _require_success(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        try:
            error = response.json()["error"]
            fail(f"{error['message']} ({error['code']})")
        except (ValueError, KeyError, TypeError):
            fail(f"{self.url} answered {response.status_code}")


def _come_again(response: httpx.Response) -> float | None:
    """Seconds; None where it would be of no use."""
    after = response.headers.get("Retry-After", "")
    return max(1.0, float(after)) if response.status_code in (429, 503) and after.isdigit() else None


def _events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    name, data = "message", ""
    for line in lines:
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data += line[5:].strip()
        elif not line and data:
            yield name, json.loads(data)
            name, data = "message", ""
