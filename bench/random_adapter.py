"""LoRA adapters with small random weights: they cost what real ones cost, and need no training."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from app.adapter_check import base_shapes
from app.generator import LoadedAdapter

RANK = 8
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def write(base: Path, folder: Path, number: int) -> LoadedAdapter:
    chance = np.random.default_rng(number)
    weights = {}
    for module, (height, width) in base_shapes(base).items():
        if module.endswith(TARGETS):
            name = f"base_model.model.{module}"
            weights[f"{name}.lora_A.weight"] = chance.normal(0, 0.01, (RANK, width)).astype(np.float32)
            weights[f"{name}.lora_B.weight"] = chance.normal(0, 0.01, (height, RANK)).astype(np.float32)
    folder.mkdir(parents=True)
    save_file(weights, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": str(base), "r": RANK,
        "lora_alpha": RANK, "target_modules": list(TARGETS), "bias": "none",
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return LoadedAdapter(name=f"random-{number}", number=number, folder=folder)
