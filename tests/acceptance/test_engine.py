"""The real engine under load: no voice in the wrong mouth, and it comes back by itself when killed."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from app.engine.client import LocalEngine
from app.engine.config import EngineConfig
from app.engine.device import Device
from app.engine.process import EngineProcess
from app.generator import GenerationRequest, LoadedAdapter, Message
from indexes.errors import AdapterNotReady, EngineUnavailable, InvalidAdapter
from tests.support.engine import RealEngine

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

CITIES = ["Paris", "Shiraz", "Beijing", "Lima", "Oslo", "Cairo", "Tabriz", "Quito"]


def request(number: int, adapter: LoadedAdapter | None, *, max_tokens: int = 20) -> GenerationRequest:
    city = CITIES[number % len(CITIES)]
    context = "Sources:\n[1] The city has a bridge of stone.\n\n" if number % 2 else ""
    return GenerationRequest(
        request_id=f"acceptance-{number}-{time.monotonic_ns()}",
        messages=(Message(role="user", content=f"{context}Describe {city}, please, in one sentence."),),
        adapter=adapter,
        max_tokens=max_tokens,
    )


async def answer(engine: LocalEngine, asked: GenerationRequest) -> str:
    return "".join([delta.text async for delta in engine.generate(asked)])


async def mixed(engine: LocalEngine, adapters: tuple[LoadedAdapter, ...], number: int) -> list[str]:
    """Base, A and B in turn, all at once; the same question number for each of the three."""
    voices = [None, *adapters]
    return list(
        await asyncio.gather(*(answer(engine, request(n // 3, voices[n % 3])) for n in range(number)))
    )


def test_48_mixed_requests_with_every_slot_full(real_engine: RealEngine, tmp_path: Path) -> None:
    engine, adapters = real_engine.local, real_engine.adapters
    assert len(adapters) == real_engine.config.max_loras
    broken = LoadedAdapter(name="broken@0", number=1000, folder=tmp_path / "broken")
    broken.folder.mkdir()
    (broken.folder / "adapter_config.json").write_text('{"r": 8}')
    (broken.folder / "adapter_model.safetensors").write_bytes(b"no tensors")
    unknown = LoadedAdapter(name="unknown@0", number=1001, folder=tmp_path / "unknown")

    async def story() -> None:
        alone = [await answer(engine, request(n, None)) for n in range(16)]
        crowd = asyncio.gather(mixed(engine, adapters, 48), return_exceptions=False)
        await asyncio.sleep(0.3)
        with pytest.raises(InvalidAdapter):
            await engine.load_adapter(broken)
        for adapter in (broken, unknown):
            with pytest.raises(AdapterNotReady):
                await answer(engine, request(0, adapter))
        (answers,) = await crowd
        assert answers[0::3] == alone
        assert [a for a in answers[1::3] if not a.startswith("ALPHA")] == []
        assert [a for a in answers[2::3] if not a.startswith("BETA")] == []
        assert engine.process.state == "ready"

    before = real_engine.process.restarts
    real_engine.run(story())
    assert real_engine.process.restarts == before


def test_more_adapters_than_slots(real_engine: RealEngine) -> None:
    """Two slots, three adapters in one batch: the engine lets one wait, and each keeps its voice."""
    third = LoadedAdapter(name="ALPHA@third", number=77, folder=real_engine.adapters[0].folder)

    async def story() -> list[str]:
        await real_engine.local.load_adapter(third)
        voices = [*real_engine.adapters, third]
        return await asyncio.gather(
            *(answer(real_engine.local, request(n, voices[n % 3])) for n in range(12))
        )

    answers = real_engine.run(story())
    assert [a.split()[0] for a in answers] == ["ALPHA", "BETA", "ALPHA"] * 4


def test_a_closed_iterator_aborts_in_the_engine(real_engine: RealEngine) -> None:
    async def story() -> float:
        engine = real_engine.local
        deltas = engine.generate(request(0, None, max_tokens=3000))
        await anext(deltas)
        running = (await engine.process.client.get("/health")).json()["running"]
        assert running == 1
        await deltas.aclose()
        begun = time.monotonic()
        while running and time.monotonic() - begun < 10:
            await asyncio.sleep(0.02)
            running = (await engine.process.client.get("/health")).json()["running"]
        return time.monotonic() - begun

    assert real_engine.run(story()) < 2


@pytest.mark.parametrize("victim", ["leader", "core"])
def test_killed_under_load_it_says_so_and_recovers(real_engine: RealEngine, victim: str) -> None:
    process = real_engine.process
    restarts = process.restarts

    async def story() -> tuple[list[str | BaseException], float, EngineUnavailable]:
        load = [
            asyncio.create_task(answer(real_engine.local, request(n, None, max_tokens=200))) for n in range(8)
        ]
        await asyncio.sleep(1.5)
        leader = psutil.Process(process.pid)
        group = [leader, *leader.children(recursive=True)]
        os.kill(leader.pid if victim == "leader" else _core(leader).pid, signal.SIGKILL)
        begun = time.monotonic()
        async with asyncio.timeout(10):
            ends = await asyncio.gather(*load, return_exceptions=True)
        with pytest.raises(EngineUnavailable) as meanwhile:
            await answer(real_engine.local, request(0, None))
        async with asyncio.timeout(max(120, 3 * real_engine.start_seconds)):
            while process.restarts == restarts:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await process.wait_ready()
        seconds = time.monotonic() - begun
        assert [p for p in group if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
        return list(ends), seconds, meanwhile.value

    ends, seconds, meanwhile = real_engine.run(story())
    assert {type(end) for end in ends} <= {str, EngineUnavailable}
    assert EngineUnavailable in {type(end) for end in ends}
    assert meanwhile.retry_after >= 1
    assert process.restarts == restarts + 1
    print(f"recovered in {seconds:.1f} s")  # noqa: T201
    assert seconds <= max(60, 2 * real_engine.start_seconds)  # on a busy machine, as long as any start
    voices = real_engine.run(mixed(real_engine.local, real_engine.adapters, 6))
    assert [v.split()[0] for v in voices[1::3] + voices[2::3]] == ["ALPHA", "ALPHA", "BETA", "BETA"]


def test_it_rests_while_somebody_trains_on_its_device(real_engine: RealEngine) -> None:
    """What it has begun it ends; then it takes no memory, says why it is away, and comes back as it was."""
    process, engine, restarts = real_engine.process, real_engine.local, real_engine.process.restarts
    leader = psutil.Process(process.pid)
    group = [leader, *leader.children(recursive=True)]

    async def story() -> tuple[list[str], list[str], EngineUnavailable]:
        before = await mixed(engine, real_engine.adapters, 3)
        begun = asyncio.create_task(answer(engine, request(0, None, max_tokens=400)))
        await asyncio.sleep(0.5)
        never = threading.Event()
        with contextlib.ExitStack() as stack:
            training = Device(real_engine.folder)
            stack.callback(training.close)
            assert await asyncio.to_thread(stack.enter_context, training.alone(never))
            assert [p for p in group if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
            assert process.state == "resting"
            assert len(await begun) > 100
            with pytest.raises(EngineUnavailable, match="a training uses its device") as meanwhile:
                await answer(engine, request(0, None))
        async with asyncio.timeout(max(120, 3 * real_engine.start_seconds)):
            await process.wait_ready()
        return before, await mixed(engine, real_engine.adapters, 3), meanwhile.value

    before, after, meanwhile = real_engine.run(story())
    assert after == before
    assert meanwhile.retry_after >= 1
    assert process.restarts == restarts, "it did not die"


def _core(leader: psutil.Process) -> psutil.Process:
    return next(p for p in leader.children() if "EngineCore" in " ".join(p.cmdline()))


def test_no_process_is_left_when_the_service_is_killed(bundled_model: Path) -> None:
    """The parent dies by SIGKILL while its engine loads; the group must be gone soon after."""
    config = EngineConfig(model=str(bundled_model), max_loras=2, max_lora_rank=8, device="cpu")
    code = (
        "import asyncio, sys\n"
        "from app.engine.config import EngineConfig\n"
        "from app.engine.process import EngineProcess\n"
        "async def main():\n"
        "    process = EngineProcess(EngineConfig.from_json(sys.argv[1]))\n"
        "    await process.start()\n"
        "    while process.pid is None: await asyncio.sleep(0.05)\n"
        "    print(process.pid, flush=True)\n"
        "    await process.wait_ready()\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, config.to_json()], stdout=subprocess.PIPE, text=True
    ) as service:
        try:
            assert service.stdout is not None
            leader = psutil.Process(int(service.stdout.readline()))
            deadline = time.monotonic() + 240
            while not leader.children() and time.monotonic() < deadline:
                time.sleep(0.1)
            group = [leader, *leader.children(recursive=True)]
            assert len(group) > 1
        finally:
            service.kill()
    _, alive = psutil.wait_procs(group, timeout=10)
    assert alive == []


async def test_a_missing_model_folder_is_explained(tmp_path: Path) -> None:
    process = EngineProcess(EngineConfig(model=str(tmp_path / "nothing"), device="cpu"))
    await process.start()
    try:
        with pytest.raises(EngineUnavailable, match="absent or has no config"):
            await process.wait_ready()
        assert process.state == "failed"
    finally:
        await process.stop()
    assert process.state == "stopped"
