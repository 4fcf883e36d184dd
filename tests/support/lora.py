"""Small LoRA adapters of every kind, good and bad, for a base of two layers."""

import io
import json
import tarfile
import zipfile
from typing import Any

import numpy as np
from safetensors.numpy import save

BASE_ID = "tiny/llama"
WIDTH = 16
SHAPES = {
    f"model.layers.{layer}.self_attn.{name}": (WIDTH, WIDTH)
    for layer in (0, 1)
    for name in ("q_proj", "v_proj")
}
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def config(**changes: Any) -> dict[str, Any]:
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": BASE_ID,
        "r": 4,
        "lora_alpha": 8,
        "target_modules": ["q_proj", "v_proj"],
        "bias": "none",
        **changes,
    }


def tensors(rank: int = 4, *, value: float = 0.5, dtype: Any = np.float32) -> dict[str, Any]:
    made = {}
    for name, (height, width) in SHAPES.items():
        made[f"base_model.model.{name}.lora_A.weight"] = np.full((rank, width), value, dtype)
        made[f"base_model.model.{name}.lora_B.weight"] = np.full((height, rank), value, dtype)
    return made


def files(*, rank: int = 4, value: float = 0.5, **changes: Any) -> dict[str, bytes]:
    """The two files of an adapter; another ``value`` is another adapter."""
    return {
        CONFIG: json.dumps(config(**{"r": rank, **changes})).encode(),
        WEIGHTS: save(tensors(rank, value=value)),
    }


def zipped(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in entries.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()
