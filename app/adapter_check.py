"""Every rule that an adapter must keep before an engine hears of it: a bad one can kill the engine."""

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated, Any

import numpy as np
import safetensors
from pydantic import BaseModel as Schema
from pydantic import ConfigDict, Field, ValidationError

from app.adapter_store import CONFIG, WEIGHTS
from indexes.errors import InvalidAdapter

TENSOR = re.compile(r"base_model\.model\.(?P<module>[\w.]+)\.lora_(?P<side>[AB])\.weight")
MAX_HEADER = 8 << 20  # bytes: tens of thousands of tensors
BLOCK = 1 << 22  # weights looked at together
PLAIN_INITS = {"gaussian", "eva", "orthogonal", "mica", "lora_ga"}  # they leave the base as it is
DTYPES = {"F32", "F16", "BF16"}
OTHER_MATHS = (
    "use_qalora",
    "layer_replication",
    "alora_invocation_tokens",
    "trainable_token_indices",
    "target_parameters",
    "use_bdlora",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
)


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """What adapters are for. ``shapes``: module -> (out, in) of each linear layer; None where not known."""

    id: str
    max_rank: int
    shapes: dict[str, tuple[int, int]] | None


@dataclass(frozen=True, kw_only=True)
class AdapterFacts:
    rank: int
    target_modules: list[str]


Rank = Annotated[int, Field(ge=1)]
Alpha = Annotated[float, Field(gt=0, le=100_000)]  # which rules out NaN, too


class _Config(Schema):
    """The keys of adapter_config.json that are kept; all others are dropped unless they change the maths."""

    model_config = ConfigDict(extra="ignore", strict=True)

    peft_type: str
    r: Rank
    lora_alpha: Alpha
    use_rslora: bool = False
    rank_pattern: dict[str, Rank] = {}
    alpha_pattern: dict[str, Alpha] = {}
    base_model_name_or_path: str | None = None
    # read to be refused
    bias: str = "none"
    use_dora: bool = False
    modules_to_save: list[str] | None = None
    fan_in_fan_out: bool = False
    init_lora_weights: bool | str = True
    lora_bias: bool = False
    use_qalora: bool = False
    layer_replication: Any = None
    alora_invocation_tokens: Any = None
    trainable_token_indices: Any = None
    target_parameters: Any = None
    use_bdlora: Any = None
    arrow_config: Any = None
    kasa_config: Any = None
    monteclora_config: Any = None


def check(folder: Path, base: BaseModel) -> AdapterFacts:
    """Check both files in ``folder`` and rewrite the configuration from the allow-list of keys.

    Raises InvalidAdapter; its ``code`` names the rule.
    """
    config = _read_config(folder / CONFIG)
    _check_servable(config)
    _check_base_name(config.base_model_name_or_path, base)
    modules = _read_modules(folder / WEIGHTS)
    ranks = {}
    for name, sides in modules.items():
        ranks[name] = _check_module(name, sides, base)
    expected = {name: _expected_rank(name, config) for name in ranks}
    wrong = next((name for name in ranks if ranks[name] != expected[name]), None)
    if wrong is not None:
        raise InvalidAdapter(
            f"{wrong} has rank {ranks[wrong]}, but the configuration says {expected[wrong]}",
            param="file",
            code="rank_mismatch",
        )
    targets = sorted({name.rsplit(".", 1)[-1] for name in modules})
    _write_config(folder / CONFIG, config, targets, base)
    return AdapterFacts(rank=max(ranks.values()), target_modules=targets)


def base_shapes(model: Path) -> dict[str, tuple[int, int]]:
    """(out, in) of every linear layer in the decoder's layers, from the headers of its safetensors files."""
    shapes: dict[str, tuple[int, int]] = {}
    for file in sorted(model.glob("*.safetensors")):
        with safetensors.safe_open(file, framework="np") as tensors:
            for name in tensors.keys():  # noqa: SIM118  not a dict
                shape = tensors.get_slice(name).get_shape()
                if name.endswith(".weight") and len(shape) == 2 and ".layers." in name:
                    shapes[name.removesuffix(".weight")] = (shape[0], shape[1])
    return shapes


def _read_config(path: Path) -> _Config:
    try:
        return _Config.model_validate(json.loads(path.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise _invalid(f"{CONFIG}: {field}: {first['msg']}", "bad_config") from error
    except (ValueError, RecursionError) as error:
        raise _invalid(f"{CONFIG} is not valid JSON", "bad_config") from error


def _check_servable(config: _Config) -> None:
    refused = {
        f"peft_type {config.peft_type}": config.peft_type != "LORA",
        "use_dora": config.use_dora,
        "bias": config.bias != "none" or config.lora_bias,
        "modules_to_save": bool(config.modules_to_save),
        "fan_in_fan_out": config.fan_in_fan_out,
        f"init_lora_weights {config.init_lora_weights!r} (convert it to a plain LoRA first)": isinstance(
            config.init_lora_weights, str
        )
        and config.init_lora_weights.lower() not in PLAIN_INITS,
        **{name: bool(getattr(config, name)) for name in OTHER_MATHS},
    }
    for what, found in refused.items():
        if found:
            raise _invalid(f"the engine cannot serve {what}", "unsupported_adapter")


def _check_base_name(name: str | None, base: BaseModel) -> None:
    """A hub id must name our base; a folder's name says nothing, there the shapes decide."""
    if not name or any(PurePath(one).is_absolute() or one.startswith(".") for one in (name, base.id)):
        return
    ours = base.id.split("@")[0].rsplit("/", 1)[-1].lower()
    theirs = name.rsplit("/", 1)[-1].lower()
    if ours != theirs:
        raise _invalid(f"it was trained for {name}, but the service runs {base.id}", "wrong_base_model")


def _read_modules(path: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """module -> {"A": (rank, in), "B": (out, rank)}; every weight must be finite."""
    modules: dict[str, dict[str, tuple[int, int]]] = {}
    _header_size(path)
    try:
        with safetensors.safe_open(path, framework="np") as tensors:
            names = list(tensors.keys())
            if not names:
                raise _invalid(f"{WEIGHTS} holds no tensors", "bad_weights")
            for name in names:
                match = TENSOR.fullmatch(name)
                if match is None:
                    raise _invalid(f"unexpected tensor {name[:200]!r}", "unexpected_tensor")
                part = tensors.get_slice(name)
                shape = part.get_shape()
                if len(shape) != 2 or 0 in shape or part.get_dtype() not in DTYPES:
                    raise _invalid(f"{name}: expected a matrix of floats", "bad_weights")
                modules.setdefault(match["module"], {})[match["side"]] = (shape[0], shape[1])
    except (safetensors.SafetensorError, OSError) as error:
        raise _invalid(f"{WEIGHTS} cannot be read: {error}", "bad_weights") from error
    _check_finite(path)
    return modules


def _check_finite(path: Path) -> None:
    """NaN and infinities, found by their exponent bits: numpy knows no bfloat16. A block at a time."""
    header_size = _header_size(path)
    exponents = {"F32": ("<u4", 0x7F800000), "F16": ("<u2", 0x7C00), "BF16": ("<u2", 0x7F80)}
    with path.open("rb") as file:
        file.seek(8)
        header: dict[str, Any] = json.loads(file.read(header_size))
        header.pop("__metadata__", None)
        for name, facts in header.items():
            dtype, mask = exponents[facts["dtype"]]
            begin, end = facts["data_offsets"]
            file.seek(8 + header_size + begin)
            left = (end - begin) // np.dtype(dtype).itemsize
            while left:
                block = np.fromfile(file, dtype, min(left, BLOCK))
                left -= len(block)
                if bool(np.any((block & mask) == mask)):
                    raise _invalid(f"{name} holds NaN or infinite weights", "not_finite")


def _header_size(path: Path) -> int:
    """In bytes; the header names every tensor, and is read whole by all who read the file."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
    if size > MAX_HEADER:
        raise _invalid(f"{WEIGHTS} has a header of {size:,} bytes", "bad_weights")
    return size


def _check_module(name: str, sides: dict[str, tuple[int, int]], base: BaseModel) -> int:
    """The module's rank, when its two matrices fit each other and the base."""
    if set(sides) != {"A", "B"}:
        raise _invalid(f"{name} lacks one of lora_A and lora_B", "bad_weights")
    (rank, width), (height, rank_b) = sides["A"], sides["B"]
    if rank != rank_b or rank < 1:
        raise _invalid(f"{name}: lora_A has rank {rank}, lora_B {rank_b}", "rank_mismatch")
    if rank > base.max_rank:
        raise _invalid(f"{name} has rank {rank}, more than the engine's {base.max_rank}", "rank_too_high")
    if base.shapes is not None:
        if name not in base.shapes:
            raise _invalid(f"the base model has no linear layer {name!r}", "wrong_base_model")
        if base.shapes[name] != (height, width):
            raise _invalid(
                f"{name} is made for a layer of {height} x {width}, the base's is "
                f"{base.shapes[name][0]} x {base.shapes[name][1]}",
                "wrong_base_model",
            )
    return rank


def _expected_rank(name: str, config: _Config) -> int:
    """PEFT's rule: the first pattern that matches the end of the module's name, else ``r``."""
    for pattern, rank in config.rank_pattern.items():
        if _pattern_matches(pattern, name):
            return rank
    return config.r


def _pattern_matches(pattern: str, name: str) -> bool:
    plain = pattern.lstrip("^").rstrip("$").replace("\\.", ".")
    if not re.fullmatch(r"[\w.]+", plain):  # no regular expression of a stranger's is run
        raise _invalid(f"the pattern {pattern[:100]!r} is not a plain module name", "bad_config")
    return name == plain or name.endswith("." + plain)


def _write_config(path: Path, config: _Config, targets: list[str], base: BaseModel) -> None:
    for pattern in config.alpha_pattern:
        _pattern_matches(pattern, "")
    kept = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base.id,
        "r": config.r,
        "lora_alpha": config.lora_alpha,
        "use_rslora": config.use_rslora,
        "rank_pattern": config.rank_pattern,
        "alpha_pattern": config.alpha_pattern,
        "target_modules": targets,
        "bias": "none",
        "inference_mode": True,
    }
    path.write_text(json.dumps(kept, indent=1, sort_keys=True))


def _invalid(message: str, code: str) -> InvalidAdapter:
    return InvalidAdapter(message, param="file", code=code)
