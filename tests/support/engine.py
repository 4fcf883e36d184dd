"""One real engine for a whole pytest session, usable from any event loop. A pytest plugin.

    def test_something(real_engine: RealEngine) -> None:
        generator = real_engine.generator()          # a LocalEngine for the loop of the test
        real_engine.run(scenario(real_engine.local))  # or: on the engine's own loop

Its process has two adapter slots, and both toy adapters fill them: the case that goes wrong unmended.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from app import models, unpacking
from app.bundles import SMOLLM2
from app.engine.client import LocalEngine
from app.engine.config import EngineConfig
from app.engine.device import Device
from app.engine.process import EngineProcess
from app.generator import LoadedAdapter
from app.settings import Settings

T = TypeVar("T")
WORDS = ("ALPHA", "BETA")


class Borrowed(EngineProcess):
    """The view of a process that runs on another event loop: same socket, own client."""

    def __init__(self, owner: EngineProcess) -> None:
        super().__init__(owner.config)
        self._owner = owner
        self._borrowed: httpx.AsyncClient | None = None

    def __getattribute__(self, name: str) -> Any:
        if name in ("state", "reason", "restarts", "load_seconds", "pid", "log", "retry_after"):
            return getattr(object.__getattribute__(self, "_owner"), name)
        return object.__getattribute__(self, name)

    @property
    def client(self) -> httpx.AsyncClient:
        if self._borrowed is None:
            self._borrowed = httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(uds=str(self._owner.socket)),
                base_url="http://engine",
                timeout=httpx.Timeout(None, connect=5.0),
            )
        return self._borrowed

    async def stop(self) -> None:
        if self._borrowed is not None:
            await self._borrowed.aclose()


class RealEngine:
    def __init__(self, config: EngineConfig, adapters: tuple[LoadedAdapter, ...]) -> None:
        self.config = config
        self.adapters = adapters  # loaded on start, and after every restart
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine-loop", daemon=True)
        self._thread.start()
        self.folder = Path(tempfile.mkdtemp())
        self.process = EngineProcess(config, device=Device(self.folder))
        self.local = LocalEngine(self.process)
        self.start_seconds = 0.0  # that the first start took, adapters and all

    def start(self) -> None:
        self.run(self._start())

    async def _start(self) -> None:
        begun = time.monotonic()
        await self.process.start()
        await asyncio.wait_for(self.process.wait_ready(), 600)
        for adapter in self.adapters:
            await self.local.load_adapter(adapter)
        self.start_seconds = time.monotonic() - begun

    def run(self, story: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(story, self._loop).result()

    def generator(self) -> LocalEngine:
        """For another event loop; ``await generator.process.stop()`` closes its connections only."""
        return LocalEngine(Borrowed(self.process))

    def close(self) -> None:
        self.run(self.process.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="session")
def bundled_model() -> Path:
    """The bundled generator's folder; converted in a process of its own the first time."""
    folder = models.bundle_folder(Settings(), SMOLLM2)
    if not unpacking.is_ready(folder):
        code = "import sys, pathlib; from app import bundles, unpacking; "
        code += "unpacking.prepare(bundles.SMOLLM2, pathlib.Path(sys.argv[1]), lambda *_: None)"
        subprocess.run([sys.executable, "-c", code, str(folder)], check=True, timeout=600)
    return folder


@pytest.fixture(scope="session")
def toy_adapters(bundled_model: Path) -> tuple[LoadedAdapter, ...]:
    """ALPHA and BETA: every answer begins with that word."""
    out = bundled_model.parent.parent / "toy-adapters"
    script = [sys.executable, "-m", "tests.support.toy_adapters", str(bundled_model), str(out), *WORDS]
    env = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}  # spinning threads starve their neighbours
    subprocess.run(script, check=True, timeout=600, cwd=Path(__file__).parents[2], env=env)
    return tuple(
        LoadedAdapter(name=f"{word}@{number:012x}", number=number, folder=out / word.lower())
        for number, word in enumerate(WORDS, 1)
    )


@pytest.fixture(scope="session")
def real_engine(bundled_model: Path, toy_adapters: tuple[LoadedAdapter, ...]) -> Iterator[RealEngine]:
    config = EngineConfig(model=str(bundled_model), max_loras=2, max_lora_rank=8, device="cpu")
    engine = RealEngine(config, toy_adapters)
    try:
        engine.start()
        yield engine
    finally:
        engine.close()
