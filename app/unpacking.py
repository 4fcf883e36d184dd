"""A bundled generator out of its packages, made into a folder that vLLM serves.

The manifest is written last and the folder renamed into place, so a folder that has a manifest is complete.
"""

import importlib.metadata
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from app.bundles import Bundle
from indexes.blobs import sha256_of
from indexes.durable import sync

Progress = Callable[[str, float], None]  # what is being done, share done in [0, 1]

LAYOUT = 1  # raise it when this module writes something else, and folders are made anew
MANIFEST = "manifest.json"
JOINED = "joined.gguf"  # the pieces of a file put together, while it is read


def is_ready(folder: Path) -> bool:
    """True if the folder was written completely by this layout; sizes are checked, not hashes."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        return manifest["layout"] == LAYOUT and all(
            (folder / name).stat().st_size == entry["bytes"] for name, entry in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def prepare(bundle: Bundle, folder: Path, progress: Progress) -> None:
    """Convert once (half a minute, 1.5 GB of memory and 270 MB on disk for the default); idempotent.

    Raises FileNotFoundError when a package is missing and OSError when the disk is full; nothing
    half-written is left under ``folder``'s name.
    """
    if is_ready(folder):
        progress("the bundled generator is ready", 1.0)
        return
    files = bundle.files()
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _convert(bundle, files, temporary, progress)
        progress("writing the manifest", 0.9)
        _seal(bundle, files, temporary)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
        sync(folder.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        if is_ready(folder):  # another process was quicker
            return
        raise
    progress("the bundled generator is ready", 1.0)


def _convert(bundle: Bundle, files: list[Path], folder: Path, progress: Progress) -> None:
    progress("loading libraries", 0.02)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, GgufConfig

    progress("reading the bundled generator", 0.1)
    path = files[0] if len(files) == 1 else joined(files, folder / JOINED)
    tokenizer: Any = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    tokenizer.eos_token = bundle.ends[0]
    tokenizer.chat_template = bundle.chat_template or tokenizer.chat_template
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
    (folder / JOINED).unlink(missing_ok=True)
    ends = tokenizer.convert_tokens_to_ids(list(bundle.ends))
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.config.eos_token_id = ends[0]
    generation: Any = GenerationConfig
    model.generation_config = generation(
        bos_token_id=model.config.bos_token_id, eos_token_id=ends, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(folder, safe_serialization=True)


def joined(files: Iterable[Path], whole: Path) -> Path:
    """``whole``, made of the pieces in their order."""
    with whole.open("wb") as out:
        for file in files:
            with file.open("rb") as piece:
                shutil.copyfileobj(piece, out)
    return whole


def _seal(bundle: Bundle, sources: list[Path], folder: Path) -> None:
    files = {}
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        file.chmod(0o644)
        sync(file)
        files[str(file.relative_to(folder))] = {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
    versions = {name: importlib.metadata.version(name) for name in ("transformers", "torch")}
    manifest = {
        "layout": LAYOUT,
        "model": bundle.model,
        "license": bundle.license,
        "sources": {source.name: sha256_of(source) for source in sources},
        "versions": {bundle.distribution: bundle.version, **versions},
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))
    sync(folder / MANIFEST)
    sync(folder)
    folder.chmod(0o755)  # mkdtemp made it 0700; other users may share the cache
