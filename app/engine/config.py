"""What the engine's process is told at its start: one JSON object on its command line."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

from app.settings import Settings


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    model: str  # a folder or a Hugging Face id
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"  # see server.dtype_of
    max_model_len: int = 4096  # tokens of prompt and answer together
    max_seqs: int = 32  # requests in one batch
    max_loras: int = 4  # adapters in one batch
    max_lora_rank: int = 16
    kv_cache_gib: int = 1  # CPU only
    gpu_memory_utilization: float = 0.6  # GPU only
    seed: int = 0

    @classmethod
    def of(cls, settings: Settings, model: str) -> "EngineConfig":
        return cls(
            model=model,
            device=settings.device,
            dtype=settings.engine_dtype,
            max_model_len=settings.max_model_len,
            max_seqs=settings.engine_max_seqs,
            max_loras=settings.max_loras,
            max_lora_rank=settings.max_lora_rank,
            kv_cache_gib=settings.kv_cache_gib,
            gpu_memory_utilization=settings.gpu_memory_utilization,
        )

    @classmethod
    def from_json(cls, text: str) -> "EngineConfig":
        return cls(**json.loads(text))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def adapters_in_memory(self) -> int:
        """Adapters whose weights the engine keeps in RAM; beyond it the least recently used is re-read."""
        return max(64, 2 * self.max_loras)
