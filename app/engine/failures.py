"""Why an engine did not start, in plain words, from its configuration and the end of its log."""

from collections.abc import Sequence
from pathlib import Path

from app.engine.config import EngineConfig

# (what the log holds, what it means and what to do); the first that fits is told
KNOWN: tuple[tuple[str, str], ...] = (
    ("No module named 'vllm'", "vLLM is not installed: run `make serve`, or set SIMURGH_GENERATOR_URLS"),
    (
        "requested memory for kv",
        "not enough free memory for the KV cache: lower SIMURGH_KV_CACHE_GIB or stop other programs",
    ),
    ("CUDA out of memory", "not enough GPU memory: lower SIMURGH_MAX_MODEL_LEN"),
    ("less than desired GPU memory", "not enough free GPU memory: lower SIMURGH_GPU_MEMORY_UTILIZATION"),
    ("less than desired CPU memory", "not enough free memory: stop other programs or use a smaller model"),
    ("Cannot allocate memory", "not enough free memory to load the model"),
    ("MemoryError", "not enough free memory to load the model"),
    ("No space left on device", "the disk is full"),
    ("Illegal instruction", "this CPU lacks instructions that vLLM needs (AVX2 on x86)"),
    ("no CUDA device was found", "SIMURGH_DEVICE=cuda, but no CUDA device was found"),
    ("no kernel image is available", "this GPU is too old for the installed vLLM"),
    ("has no chat template", "the model has no chat template: use an instruction-tuned one"),
    ("is not a supported model architecture", "vLLM does not support this model's architecture"),
    ("does not support LoRA", "vLLM does not support LoRA adapters on this model"),
    ("is greater than the derived max_model_len", "SIMURGH_MAX_MODEL_LEN exceeds the model's own window"),
    ("LocalEntryNotFoundError", "the model is not on this machine and could not be downloaded"),
    ("OfflineModeIsEnabled", "the model is not on this machine and downloads are off"),
    ("is not a valid model identifier", "there is no such model: check SIMURGH_GENERATOR"),
)


def explain(log: Sequence[str], config: EngineConfig) -> str | None:
    """The known cause, or None: then starting again is worth a try."""
    model = Path(config.model)
    if model.is_absolute() and not (model / "config.json").is_file():
        return f"the model folder {model} is absent or has no config.json"
    text = "\n".join(log)
    for sign, meaning in KNOWN:
        if sign in text:
            return meaning
    return None
