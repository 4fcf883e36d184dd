"""`python -m bench.precision`: the engine on a CPU in bf16 and in float32, about four minutes.

Tokens a second in a batch, and how many questions get the same answer beside others as alone.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal

from rich.console import Console
from rich.table import Table

from app import models
from app.cli.prepare import prepare_with_bar
from app.engine.client import LocalEngine
from app.engine.config import EngineConfig
from app.engine.process import EngineProcess
from app.generator import GenerationRequest, Message
from app.settings import Settings
from bench.figures import ROUNDS
from bench.generation import throughput

TOKENS = 40
PLACES = (
    *("Paris", "Rome", "Shiraz", "Beijing", "Lima", "Oslo", "Cairo", "Tabriz"),
    *("Quito", "Delhi", "Bern", "Perth", "Accra", "Turin", "Lagos", "Hanoi"),
)


@dataclass(frozen=True, kw_only=True)
class Precision:
    speed: float  # tokens a second
    same: int  # of PLACES


def main() -> None:
    settings = Settings()
    prepare_with_bar(settings)
    table = Table("", "tokens/s", "over float32", f"same of {len(PLACES)}")
    found = {dtype: asyncio.run(_measured(settings, dtype)) for dtype in ("float32", "bfloat16")}
    for dtype, one in found.items():
        table.add_row(dtype, f"{one.speed:.0f}", f"{one.speed / found['float32'].speed:.2f}x", str(one.same))
    Console().print(table)


async def _measured(settings: Settings, dtype: Literal["float32", "bfloat16"]) -> Precision:
    async with _engine(settings, dtype) as engine:
        await throughput(engine, [None])  # warm
        speed = statistics.median([await throughput(engine, [None]) for _ in range(ROUNDS)])
        alone = [await _answer(engine, place) for place in PLACES]
        beside = await asyncio.gather(*(_answer(engine, place) for place in PLACES))
    return Precision(speed=speed, same=sum(one == two for one, two in zip(alone, beside, strict=True)))


@asynccontextmanager
async def _engine(settings: Settings, dtype: Literal["float32", "bfloat16"]) -> AsyncIterator[LocalEngine]:
    config = EngineConfig.of(settings, models.generator_source(settings).model)
    process = EngineProcess(replace(config, dtype=dtype))
    engine = LocalEngine(process)
    await process.start()
    try:
        await process.wait_ready()
        yield engine
    finally:
        await process.stop()


async def _answer(engine: LocalEngine, place: str) -> str:
    question = Message(role="user", content=f"Tell me about {place} in one sentence.")
    request = GenerationRequest(
        request_id=f"bench-{place}-{time.monotonic_ns()}", messages=(question,), max_tokens=TOKENS
    )
    return "".join([delta.text async for delta in engine.generate(request)])


if __name__ == "__main__":
    main()
