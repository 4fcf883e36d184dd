"""Tokens a second of the real engine: with 1, 2 and 4 adapters over the base; batched over one by one."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from app import models
from app.engine.client import LocalEngine
from app.engine.config import EngineConfig
from app.engine.process import EngineProcess
from app.generator import GenerationRequest, Generator, LoadedAdapter, Message
from app.memory import taken
from app.settings import Settings
from bench import random_adapter
from bench.figures import ROUNDS, Figure

BATCH, TOKENS = 24, 48
ASKED = 12
ADAPTERS = 4
TEXT = "The station lies above the river and has eighteen members, who meet once a year in the upper hut. "


def measure(settings: Settings) -> tuple[list[Figure], float]:
    """The figures, and the engine's peak memory in GiB."""
    return asyncio.run(_measure(settings))


async def _measure(settings: Settings) -> tuple[list[Figure], float]:
    source = models.generator_source(settings)
    assert source.folder is not None
    process = EngineProcess(EngineConfig.of(settings, source.model))
    engine = LocalEngine(process)
    await process.start()
    try:
        await process.wait_ready()
        with tempfile.TemporaryDirectory() as folder:
            adapters = [
                random_adapter.write(source.folder, Path(folder) / str(number), number)
                for number in range(1, ADAPTERS + 1)
            ]
            for adapter in adapters:
                await engine.load_adapter(adapter)
            figures = [*await _adapters(engine, adapters), await _batching(engine)]
        return figures, _memory(process.pid)
    finally:
        await process.stop()


async def _adapters(engine: LocalEngine, adapters: Sequence[LoadedAdapter]) -> list[Figure]:
    cases: dict[int, list[float]] = {0: [], 1: [], 2: [], 4: []}
    await throughput(engine, [None, *adapters])  # warm
    for _ in range(ROUNDS):
        for count, speeds in cases.items():
            speeds.append(await throughput(engine, adapters[:count] or [None]))
    base = statistics.median(cases.pop(0))
    return [
        Figure(
            name=f"throughput with {count} adapters, over base",
            ours=statistics.median(speeds),
            rival=base,
            unit="tokens/s",
        )
        for count, speeds in cases.items()
    ]


async def _batching(engine: LocalEngine) -> Figure:
    batched, single = [], []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        await asyncio.gather(*(_generate(engine, number, None) for number in range(ASKED)))
        batched.append(ASKED / (time.perf_counter() - begun))
        begun = time.perf_counter()
        for number in range(ASKED):
            await _generate(engine, number, None)
        single.append(ASKED / (time.perf_counter() - begun))
    return Figure(
        name="asking in a batch, over one by one",
        ours=statistics.median(batched),
        rival=statistics.median(single),
        unit="answers/s",
    )


async def throughput(engine: Generator, adapters: Sequence[LoadedAdapter | None]) -> float:
    begun = time.perf_counter()
    counts = await asyncio.gather(
        *(_generate(engine, number, adapters[number % len(adapters)]) for number in range(BATCH))
    )
    return sum(counts) / (time.perf_counter() - begun)


async def _generate(engine: Generator, number: int, adapter: LoadedAdapter | None) -> int:
    """Tokens written. Every prompt differs from its first word on, so that no prefix is shared."""
    content = f"{number * 7919 % 997} {TEXT * 3}\n\nWrite a long story about this station."
    request = GenerationRequest(
        request_id=f"bench-{time.monotonic_ns()}",
        messages=(Message(role="user", content=content),),
        adapter=adapter,
        max_tokens=TOKENS,
    )
    written = 0
    async for delta in engine.generate(request):
        written = delta.completion_tokens
    return written


def _memory(pid: int | None) -> float:
    """GiB that the engine's processes hold, shared pages counted once."""
    return taken(psutil.Process(pid)) / 2**30
