"""`python -m bench.precision`: the engine on a CPU in bf16 and in float32, about four minutes.

Tokens a second in a batch, and how many questions get the same answer beside others as alone.
"""

import asyncio
import statistics
import time
from dataclasses import dataclass

from app.cli.prepare import prepare_with_bar
from app.generator import GenerationRequest, Generator, Message
from app.settings import Settings
from bench.figures import ROUNDS, show
from bench.generation import throughput
from evaluation.report import Table
from evaluation.stage import engine

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
    found = {dtype: asyncio.run(_measured(settings, dtype)) for dtype in ("float32", "bfloat16")}
    show(
        Table(
            title="Engine on a CPU",
            header=("", "tokens/s", "over float32", f"same of {len(PLACES)}"),
            rows=tuple(
                (dtype, f"{one.speed:.0f}", f"{one.speed / found['float32'].speed:.2f}x", str(one.same))
                for dtype, one in found.items()
            ),
        )
    )


async def _measured(settings: Settings, dtype: str) -> Precision:
    async with engine(settings.model_copy(update={"engine_dtype": dtype})) as parts:
        await throughput(parts.generator, [None])  # warm
        speed = statistics.median([await throughput(parts.generator, [None]) for _ in range(ROUNDS)])
        alone = [await _answer(parts.generator, place) for place in PLACES]
        beside = await asyncio.gather(*(_answer(parts.generator, place) for place in PLACES))
    return Precision(speed=speed, same=sum(one == two for one, two in zip(alone, beside, strict=True)))


async def _answer(generator: Generator, place: str) -> str:
    question = Message(role="user", content=f"Tell me about {place} in one sentence.")
    request = GenerationRequest(
        request_id=f"bench-{place}-{time.monotonic_ns()}", messages=(question,), max_tokens=TOKENS
    )
    return "".join([delta.text async for delta in generator.generate(request)])


if __name__ == "__main__":
    main()
