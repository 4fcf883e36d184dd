"""The engine's process seen from the service: started, watched, restarted, and never left behind."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import httpx

from app.engine.config import EngineConfig
from app.engine.device import Device
from app.engine.failures import explain
from indexes.errors import EngineUnavailable, SimurghError

State = Literal["starting", "ready", "resting", "restarting", "failed", "stopped"]
Ready = Callable[[], Awaitable[None]]

STAGE = "simurgh-engine: "
KEPT_LINES = 200  # of the engine's stderr
HEALTH_EVERY = 2.0  # seconds
HEALTH_MISSES = 5  # unanswered checks in a row before a live process counts as hung
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a restart, doubled each time it fails to get ready
RESTS = "a training uses its device"
TO_FINISH = 60.0  # seconds that answers may take to their end before the engine rests


async def _nothing() -> None:
    return None


class EngineProcess:
    """``await start()`` returns at once; ``await wait_ready()`` waits. ``await stop()`` leaves no process.

    ``on_ready`` runs after each start, while the engine answers but the state is not yet "ready": the
    place to add adapters again. Whatever it raises restarts the engine.

    Where ``device`` is given and somebody wants it, answers come to their end and the process goes; it is
    started again when the device is free.
    """

    def __init__(
        self,
        config: EngineConfig,
        *,
        start_timeout: float = 300,
        on_ready: Ready = _nothing,
        device: Device | None = None,
    ) -> None:
        self.config = config
        self.on_ready = on_ready
        self.state: State = "stopped"
        self.reason = "not started"  # of the state, for people
        self.restarts = 0
        self.load_seconds: float | None = None  # of the last successful start
        self._start_timeout = start_timeout
        self._device = device
        self._folder: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._since = 0.0
        self._changed = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._client: httpx.AsyncClient | None = None

    @property
    def pid(self) -> int | None:
        """Of the group's leader, while it lives."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def log(self) -> tuple[str, ...]:
        return tuple(self._lines)

    @property
    def socket(self) -> Path:
        assert self._folder is not None, "not started"  # noqa: S101
        return self._folder / "engine.sock"

    @property
    def client(self) -> httpx.AsyncClient:
        """To the engine's socket; its base URL is http://engine."""
        if self._client is None:
            raise self.unavailable()
        return self._client

    @property
    def retry_after(self) -> int:
        """Seconds after which asking again makes sense."""
        if self.state in ("failed", "resting"):
            return int(LONGEST_PAUSE)
        expected = self.load_seconds or 30.0
        return max(1, round(expected - (time.monotonic() - self._since)))

    def unavailable(self) -> EngineUnavailable:
        return EngineUnavailable(f"the engine is {self.state}: {self.reason}", retry_after=self.retry_after)

    async def start(self) -> None:
        if self._keeper is None:
            # Short: a Unix socket's path may have no more than about 100 bytes.
            self._folder = Path(tempfile.mkdtemp(prefix="simurgh-"))
            self._enter("starting", "loading the model")
            self._keeper = asyncio.create_task(self._keep(), name="engine-keeper")

    async def wait_ready(self) -> None:
        """Return when ready; raise EngineUnavailable when the first start has failed for good."""
        while self.state != "ready":
            if self.state in ("failed", "stopped"):
                raise self.unavailable()
            await self._changed.wait()

    async def stop(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
        await self._kill()
        if self._device is not None:
            self._device.leave()
        self._enter("stopped", "stopped")
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _enter(self, state: State, reason: str) -> None:
        if state != self.state:
            self._since = time.monotonic()
        self.state, self.reason = state, reason
        self._changed.set()
        self._changed = asyncio.Event()

    async def _keep(self) -> None:
        pause = FIRST_PAUSE
        while True:
            if self._device is not None:
                await self._free(self._device)
            self._since = time.monotonic()
            reason = await self._live()
            if self.state == "resting":
                await self._kill()
                continue
            was_ready = self.state == "ready"
            # The state goes first: whoever sees a stream break must find the engine not ready.
            self._enter("restarting", reason)
            await self._kill()
            if was_ready:
                pause = FIRST_PAUSE
            elif (final := explain(self.log, self.config)) is not None:
                self._enter("failed", final)
                pause = LONGEST_PAUSE  # the cause may yet be mended: memory freed, a folder put in place
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            self.restarts += 1
            if self.state != "failed":
                self._enter("restarting", "loading the model again: " + reason)

    async def _free(self, device: Device) -> None:
        """Wait until nobody trains on it."""
        while not device.take():
            self._enter("resting", RESTS)
            await asyncio.sleep(HEALTH_EVERY / 4)
        if self.state == "resting":
            self._enter("starting", "loading the model again after a training")

    async def _live(self) -> str:
        """One life of the process, from its start to the reason for its end."""
        self._lines.clear()
        if (known := explain((), self.config)) is not None:
            return known
        try:
            process = await self._spawn()
        except OSError as error:
            return f"it could not be started: {error}"
        reader = asyncio.create_task(self._read(process))
        ended = asyncio.create_task(process.wait())
        serving = asyncio.create_task(self._serve())
        try:
            await asyncio.wait({ended, serving}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(asyncio.shield(reader), 0.2)
                return _exit_reason(ended.result())
            return serving.result()
        finally:
            for task in (ended, serving, reader):
                task.cancel()
            await asyncio.gather(ended, serving, reader, return_exceptions=True)

    async def _spawn(self) -> asyncio.subprocess.Process:
        socket = self.socket
        socket.unlink(missing_ok=True)
        if self._client is not None:
            await self._client.aclose()
        self._client = httpx.AsyncClient(
            # No connection is used twice: the server may be closing an idle one at that very moment.
            transport=httpx.AsyncHTTPTransport(
                uds=str(socket), limits=httpx.Limits(max_connections=None, max_keepalive_connections=0)
            ),
            base_url="http://engine",
            timeout=httpx.Timeout(None, connect=5.0),
            trust_env=False,
        )
        arguments = ["-m", "app.engine.server", "--socket", str(socket), "--config", self.config.to_json()]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=environment(self.config, os.environ),
            start_new_session=True,
            limit=1 << 20,
        )
        return self._process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None  # noqa: S101  # a pipe was asked for
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:  # a line longer than the limit; what is left of it comes next
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            self._lines.append(text)
            if text.startswith(STAGE) and self.state in ("starting", "restarting"):
                self._enter(self.state, text.removeprefix(STAGE))

    async def _serve(self) -> str:
        """Wait for readiness, then check health for ever; returns why the process must be ended."""
        begun = time.monotonic()
        while not await self._healthy(5.0):
            if time.monotonic() - begun > self._start_timeout:
                return f"not ready within {self._start_timeout:.0f} seconds"
            if self._is_wanted():
                return await self._come_to_rest()
            await asyncio.sleep(0.25)
        try:
            await self.on_ready()
        except (SimurghError, httpx.HTTPError, OSError) as error:
            return f"could not be made ready: {error}"
        self.load_seconds = time.monotonic() - begun
        self._enter("ready", f"loaded in {self.load_seconds:.0f} seconds")
        misses = 0
        while misses < HEALTH_MISSES:
            await asyncio.sleep(HEALTH_EVERY)
            if self._is_wanted():
                return await self._come_to_rest()
            misses = 0 if await self._healthy(5.0) else misses + 1
        return "it did not answer its health checks"

    def _is_wanted(self) -> bool:
        return self._device is not None and self._device.wanted

    async def _come_to_rest(self) -> str:
        """Nobody is let in any more; who is in may finish."""
        self._enter("resting", RESTS)
        until = time.monotonic() + TO_FINISH
        while time.monotonic() < until:
            if not await self._running(5.0):
                break
            await asyncio.sleep(0.1)
        return RESTS

    async def _healthy(self, seconds: float) -> bool:
        return await self._running(seconds) is not None

    async def _running(self, seconds: float) -> int | None:
        """Requests that it works on; None where it does not answer in time."""
        try:
            response = await self.client.get("/health", timeout=seconds)
            return int(response.json()["running"]) if response.status_code == 200 else None
        except (httpx.HTTPError, OSError):
            return None

    async def _kill(self) -> None:
        """The whole group: a leader that died may have left its core behind."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if self._client is not None:
            await self._client.aclose()


def environment(config: EngineConfig, inherited: "os._Environ[str] | dict[str, str]") -> dict[str, str]:
    """Of the engine's process: no network, no telemetry, quiet, and few threads that do not spin."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    ours = {
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_CPU_KVCACHE_SPACE": str(config.kv_cache_gib),
        "VLLM_HOST_IP": "127.0.0.1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    defaults = {
        "VLLM_LOGGING_LEVEL": "ERROR",
        # One core is left to the service. Spinning threads on a shared core cost ten times the latency.
        "OMP_NUM_THREADS": str(max(1, cores - 1)),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    if Path(config.model).is_dir():
        ours["HF_HUB_OFFLINE"] = "1"
    merged = defaults | dict(inherited) | ours
    merged.pop("PYTHONDONTWRITEBYTECODE", None)  # without .pyc files every start takes a minute longer
    return merged


def _exit_reason(status: int) -> str:
    if status < 0:
        return f"it was killed by {signal.Signals(-status).name}"
    if status == 70:
        return "vLLM's core died"
    return f"it exited with status {status}"
