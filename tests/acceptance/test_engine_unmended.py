"""Why app/engine/plugin.py is there: the same engine without it gives the base an adapter's voice."""

import asyncio
from pathlib import Path

import pytest

from app.engine.config import EngineConfig
from app.generator import LoadedAdapter
from tests.acceptance.test_engine import answer, mixed, request
from tests.support.engine import RealEngine

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]


def test_without_the_mend_the_base_is_contaminated(
    bundled_model: Path, toy_adapters: tuple[LoadedAdapter, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_PLUGINS", "none")
    config = EngineConfig(model=str(bundled_model), max_loras=2, max_lora_rank=8, device="cpu")
    engine = RealEngine(config, toy_adapters)

    async def story() -> tuple[list[str], list[str]]:
        alone = await asyncio.gather(*(answer(engine.local, request(n, None)) for n in range(8)))
        return alone, (await mixed(engine.local, toy_adapters, 24))[0::3]

    try:
        engine.start()
        alone, together = engine.run(story())
    finally:
        engine.close()
    assert sum(a != b for a, b in zip(alone, together, strict=True)) >= 2
