"""The real service, started once a session as a user starts it: API, worker, engine. A pytest plugin."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from app import models
from app.settings import Settings

READY = 600.0  # seconds until a start counts as failed
ROOT = Path(__file__).parents[2]


class RunningService:
    """`simurgh serve` with a data folder of its own, on a free port of loopback."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **os.environ,
            "SIMURGH_DATA_DIR": str(folder / "var"),
            "SIMURGH_PORT": str(self.port),
            **{f"SIMURGH_{name.upper()}": value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.http = httpx.Client(base_url=self.url, timeout=120, trust_env=False)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.folder / "service.log").read_text()

    def start(self, seconds: float = READY) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._process is not None:
            self._process.wait(10)  # one that was killed
        with (self.folder / "service.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app.cli.main", "serve"],
                env=self._environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_ready(seconds)

    def wait_ready(self, seconds: float = READY) -> None:
        """Until the engine answers and the worker has reported."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                break
            try:
                answer = self.http.get("/health/ready")
                if answer.status_code == 200 and answer.json()["parts"]["worker"]["status"] == "ok":
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.25)
        raise AssertionError(f"the service was not ready within {seconds:.0f} s:\n{self.log[-4000:]}")

    def stop(self) -> int:
        """As Ctrl-C does; returns the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(40)

    def close(self) -> None:
        self.http.close()
        if self._process is not None and self._process.poll() is None:
            self.stop()

    # -- what most tests do

    def ingest(self, body: dict[str, Any] | None = None, **multipart: Any) -> dict[str, Any]:
        """POST /ingest and wait for the job; returns the ended job."""
        answer = self.http.post("/ingest", json=body) if body else self.http.post("/ingest", **multipart)
        assert answer.status_code == 202, answer.text
        return self.job(answer.json()["job_id"])

    def engine(self) -> list[psutil.Process]:
        """The engine's server and vLLM's core, below the supervisor; nothing while there is none."""
        children = psutil.Process(self.pid).children(recursive=True)
        servers = [one for one in children if "app.engine.server" in _command(one)]
        if not servers:
            return []
        leader = min(servers, key=lambda process: process.create_time())
        try:
            return [leader, *leader.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def job(self, job_id: str, seconds: float = 120) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            job: dict[str, Any] = self.http.get(f"/jobs/{job_id}").json()
            if job["status"] in ("succeeded", "failed", "cancelled"):
                return job
            time.sleep(0.1)
        raise AssertionError(f"the job did not end within {seconds:.0f} s: {job}")

    def ask(self, question: str, **more: Any) -> dict[str, Any]:
        answer = self.http.post("/ask", json={"question": question, **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def zipped(folder: Path) -> bytes:
    """A PEFT adapter's two files as an upload."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            archive.write(folder / name, name)
    return out.getvalue()


def prepare_models() -> Settings:
    """The bundled models, converted in a process of its own the first time."""
    settings = Settings()
    if not models.is_prepared(settings):
        subprocess.run([sys.executable, "-m", "app.cli.main", "models", "prepare"], check=True, timeout=600)
    return settings


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


@pytest.fixture(scope="session")
def prepared_models() -> Settings:
    return prepare_models()


@pytest.fixture(scope="session")
def service(prepared_models: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    running = RunningService(tmp_path_factory.mktemp("service"), fetch_allow='["127.0.0.0/8"]', max_loras="2")
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture(scope="session")
def service_url(service: RunningService) -> str:
    return service.url
