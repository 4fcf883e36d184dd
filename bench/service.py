"""The service over a data folder of its own, in the processes that it has in use: an API and a worker."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil

from app.memory import taken
from app.supervisor import PARENT

READY = 300.0  # seconds until a start counts as failed
API = (sys.executable, "-m", "bench.api")
WORKER = (sys.executable, "-m", "app.cli.main", "worker")
ROOT = Path(__file__).parents[1]
FILES_A_REQUEST = 500
Files = Sequence[tuple[str, bytes]]  # name, content


class Service:
    """Each process in a session of its own, as the supervisor starts them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=120, trust_env=False)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "SIMURGH_DATA_DIR": str(folder),
            "SIMURGH_HOST": "127.0.0.1",
            "SIMURGH_PORT": str(self.port),
            PARENT: str(os.getpid()),  # they end with this process, however it does
        }
        for name in ("SIMURGH_API_KEY", "SIMURGH_DATABASE_URL", "SIMURGH_JOBS_DATABASE_URL"):
            self._environment.pop(name, None)

    def start(self) -> None:
        self._run("api", API)
        self._run("worker", WORKER)
        self._until(lambda: self._get("/health/live") is not None, "the API")
        self._until(lambda: (self.folder / "worker.alive").exists(), "the worker")

    def stop(self) -> None:
        self.resume()
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.http.close()

    # -- the worker, halted and let go again

    def pause(self) -> None:
        """The worker and its parser stand still, and not while they hold the database: that would stop the
        API too."""
        while True:
            worker = self._processes["worker"].pid
            os.killpg(worker, signal.SIGSTOP)
            while not _stands_still(worker):  # a thread ends its system call first, which may take a lock
                time.sleep(0.001)
            if self._is_free():
                return
            self.resume()
            time.sleep(0.005)

    def resume(self) -> None:
        if (worker := self._processes.get("worker")) is not None and worker.poll() is None:
            os.killpg(worker.pid, signal.SIGCONT)

    def _is_free(self) -> bool:
        with contextlib.closing(sqlite3.connect(self.database, timeout=0, isolation_level=None)) as db:
            try:
                db.execute("BEGIN EXCLUSIVE")
                db.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return False
        return True

    # -- what is looked at

    @property
    def database(self) -> Path:
        return self.folder / "simurgh.db"

    def process(self, name: str) -> psutil.Process:
        return psutil.Process(self._processes[name].pid)

    def memory(self, name: str) -> float:
        """MiB that a process and its children hold, shared pages counted by halves or less (PSS)."""
        return taken(self.process(name)) / 2**20

    def ended(self) -> int:
        """Versions that have ended."""
        uri = f"file:{self.database}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=60)) as db:
            row = db.execute("SELECT count(*) FROM versions WHERE status IN ('done', 'failed')").fetchone()
        return int(row[0])

    def ingest(self, files: Files) -> list[str]:
        """Hand files in, so many a request. Returns the jobs."""
        jobs = []
        for at in range(0, len(files), FILES_A_REQUEST):
            parts = [("file", one) for one in files[at : at + FILES_A_REQUEST]]
            answer = self.http.post("/ingest", files=parts)
            answer.raise_for_status()
            jobs.append(str(answer.json()["job_id"]))
        return jobs

    def wait(self, jobs: Sequence[str], seconds: float) -> None:
        for job in jobs:
            self._until(
                lambda job=job: self._get(f"/jobs/{job}")["status"] == "succeeded",  # type: ignore[misc]
                f"job {job}",
                seconds,
            )

    def _get(self, path: str) -> Any:
        try:
            answer = self.http.get(path)
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def _run(self, name: str, command: Sequence[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                env=self._environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _until(self, true: Callable[[], bool], what: str, seconds: float = READY) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            for name, process in self._processes.items():
                if process.poll() is not None:
                    log = (self.folder / f"{name}.log").read_text()[-2000:]
                    raise RuntimeError(f"the {name} ended with {process.returncode}:\n{log}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} was not there within {seconds:.0f} s")
            time.sleep(0.1)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Service]:
    service = Service(folder)
    try:
        service.start()
        yield service
    finally:
        service.stop()


def _stands_still(pid: int) -> bool:
    states = [
        (task / "stat").read_text().rpartition(") ")[2][0] for task in Path(f"/proc/{pid}/task").iterdir()
    ]
    return set(states) == {"T"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
