"""What a plan has to know of the base model and of the machine."""

import json
import math
from pathlib import Path

import psutil
from safetensors import safe_open

from app.asking import MAX_TOKENS, TOP_K
from app.engine.device import engine_rests
from app.models import on_gpu
from app.prompt import REMINDER, SYSTEM, TEMPLATE_TOKENS
from app.settings import Settings
from app.tokens import LocalTokenCounter
from indexes.errors import InvalidRequest
from tuning.plan import Base, Hardware


def base_of(folder: Path, name: str, settings: Settings, counter: LocalTokenCounter) -> Base:
    """Of a model's folder, as vLLM loads it; ``name``: the id under which it is served.

    Raises InvalidRequest where there is none."""
    try:
        config = json.loads((folder / "config.json").read_text())
        parameters = sum(_size(file) for file in sorted(folder.glob("*.safetensors")))
    except OSError as error:
        raise InvalidRequest(
            f"the base model must be a folder with its weights, and {folder} is none: "
            "`simurgh models prepare` makes the bundled one ready",
            param="model",
            code="unknown_base_model",
        ) from error
    fixed = sum(counter.count_now([SYSTEM, REMINDER])) + 3 * TEMPLATE_TOKENS
    window = int(config["max_position_embeddings"])
    return Base(
        id=name,
        parameters=parameters,
        layers=int(config["num_hidden_layers"]),
        hidden=int(config["hidden_size"]),
        window=window,
        served_prompt=min(window, fixed + TOP_K * settings.chunk_tokens + MAX_TOKENS),
        max_rank=settings.max_lora_rank,
    )


def hardware(settings: Settings) -> Hardware:
    if on_gpu(settings):
        import torch

        free, total = torch.cuda.mem_get_info()
        if engine_rests(settings):  # and what it has is free then
            free = min(total, free + round(settings.gpu_memory_utilization * total))
        return Hardware(device="cuda", memory=free / 2**30)
    return Hardware(device="cpu", memory=psutil.virtual_memory().available / 2**30)


def _size(file: Path) -> int:
    with safe_open(str(file), framework="np") as weights:
        return sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
