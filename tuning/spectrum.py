"""Which modules are worth training: those whose weights hold most signal over noise.

Singular values above what a random matrix of that shape and spread would have (Marchenko and Pastur 1967) are
signal; the rest is noise. After "Spectrum" (Hartford et al. 2024, https://arxiv.org/abs/2406.06623), which
takes the spread from the quartiles of the values themselves, too low an edge for most shapes, and trains the
modules whole; here they get a LoRA each, which vLLM can serve.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import safe_open

PROJECTION = re.compile(r"(?P<name>model\.layers\.\d+\.\w+\.(?P<kind>\w+_proj))\.weight")
STEPS = 20_000  # of a sum that stands for an integral


def chosen(weights: Path, share: float) -> list[str]:
    """Names of the modules to train: of each kind (`q_proj`, …) the best ``share``, at least one.

    ``weights``: a folder of safetensors. Taking the best of each kind, not of all, keeps kinds whose ratios
    are of another size from being left out whole."""
    kinds: dict[str, list[tuple[float, str]]] = {}
    for name, kind, matrix in _projections(weights):
        kinds.setdefault(kind, []).append((signal_to_noise(matrix), name))
    return sorted(
        name
        for found in kinds.values()
        for _, name in sorted(found, reverse=True)[: max(1, round(share * len(found)))]
    )


def signal_to_noise(matrix: npt.NDArray[np.float32]) -> float:
    """Of a weight [out, in]: the sum of its singular values above the edge of chance, over that of the
    others. Infinite where nothing is noise."""
    values = np.linalg.svd(matrix, compute_uv=False)
    noise = values <= edge(values, matrix.shape)
    low = float(values[noise].sum())
    return float(values[~noise].sum()) / low if low else float("inf")


def edge(values: npt.NDArray[np.float32], shape: tuple[int, ...]) -> float:
    """The largest singular value that chance explains. The spread of its entries is told from the median
    value, which a few strong ones do not move (Gavish and Donoho 2014, https://arxiv.org/abs/1305.5870)."""
    short, long = min(shape), max(shape)
    sigma = float(np.median(values)) / np.sqrt(long * _median(short / long))
    return float(sigma * (np.sqrt(long) + np.sqrt(short)))


@lru_cache
def _median(ratio: float) -> float:
    """Of Marchenko and Pastur's distribution of squared singular values, of entries of unit variance over
    the longer side; ``ratio``: of the sides, at most 1."""
    low, high = (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2
    x = np.linspace(low, high, STEPS + 1)[1:]
    density = np.sqrt(np.maximum(0.0, (high - x) * (x - low))) / x
    below = np.cumsum(density)
    return float(x[np.searchsorted(below, below[-1] / 2)])


def pattern(modules: list[str]) -> str:
    """PEFT's ``target_modules`` for exactly these."""
    layers: Mapping[str, list[str]] = _grouped(modules)
    return "|".join(
        rf"(?:.*\.)?layers\.(?:{'|'.join(numbers)})\.{re.escape(rest)}" for rest, numbers in layers.items()
    )


def _grouped(modules: list[str]) -> dict[str, list[str]]:
    """Rest of the name -> numbers of its layers."""
    found: dict[str, list[str]] = {}
    for name in modules:
        _, _, rest = name.partition(".layers.")
        number, _, rest = rest.partition(".")
        found.setdefault(rest, []).append(number)
    return found


def _projections(weights: Path) -> Iterator[tuple[str, str, npt.NDArray[np.float32]]]:
    for file in sorted(weights.glob("*.safetensors")):
        with safe_open(str(file), framework="pt") as tensors:  # numpy knows no bf16
            for key in tensors.keys():  # noqa: SIM118
                if match := PROJECTION.fullmatch(key):
                    yield match["name"], match["kind"], tensors.get_tensor(key).float().numpy()
