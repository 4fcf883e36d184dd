"""From what is to be learnt, and on what machine, to a plan that a person can read and change. Pure.

The rules are those of the field's guides: LoRA (Hu et al. 2021), QLoRA (Dettmers et al. 2023), rsLoRA
(Kalajdzievski 2023), "LoRA Without Regret" (Schulman et al. 2025).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from indexes.errors import InvalidRequest, TooFewExamples

Goal = Literal["voice", "skill", "facts"]
Method = Literal["lora", "qlora"]

FEWEST = 100  # examples
MANY, VERY_MANY = 1_000, 5_000
RANKS = (8, 16, 32, 64)
SMALL_MODEL = 1e9  # parameters
STEP = 64  # lengths are its multiples
ADAM = 16  # bytes for a trained parameter: itself, its gradient, two moments, in fp32
ROOM = 0.8  # of the memory that is free: the rest is for what cannot be reckoned
NF4 = 0.56  # bytes for a parameter, with its scales
FEWER_LEARN_FASTER = 2 / 3  # power of the share: by it a quarter of the modules answers nearly as all do
MULTIPLIER = "learning_rate_multiplier"  # of the learning rate that would be taken
CHOICES: dict[str, tuple[Any, ...]] = {
    "method": ("lora", "qlora"),
    "rslora": (True, False),
    "gradient_checkpointing": (True, False),
}
WHOLE = {"rank", "alpha", "epochs", "batch", "at_once", "max_length"}
# Options of PEFT that vLLM cannot serve as they are.
UNSERVED = {
    "use_dora": "DoRA",
    "pissa": "PiSSA",
    "olora": "OLoRA",
    "bias": "a bias",
    "modules_to_save": "modules that are trained whole",
    "lora_bias": "a bias",
}


@dataclass(frozen=True, kw_only=True)
class Data:
    examples: int  # to train on
    pairs: int  # of them, with a worse answer too
    tokens: int  # 99th percentile of prompt and answer
    longest: int  # tokens


@dataclass(frozen=True, kw_only=True)
class Base:
    id: str
    parameters: int
    layers: int
    hidden: int
    window: int  # tokens
    served_prompt: int  # tokens of a prompt as it is served, with its sources and room for the answer
    max_rank: int  # that the engine serves


@dataclass(frozen=True, kw_only=True)
class Hardware:
    device: Literal["cpu", "cuda"]
    memory: float  # GiB that are free, of the GPU where it is one


@dataclass(frozen=True, kw_only=True)
class Plan:
    method: Method
    stages: tuple[Literal["sft", "dpo"], ...]
    rank: int
    alpha: int
    rslora: bool
    dropout: float
    learning_rate: float
    epochs: int
    batch: int  # examples between two steps of the optimizer
    at_once: int  # examples of them in memory together
    max_length: int  # tokens; what is longer is left out
    gradient_checkpointing: bool
    spectrum: float | None  # share of the modules that is trained, chosen by signal-to-noise ratio; None: all
    replay: float  # share of general rows that hold off forgetting
    ewc: float  # weight of the penalty on moving what the base needs; 0: none
    memory: float  # GiB, as reckoned
    reasons: Mapping[str, str] = field(default_factory=dict)  # of each choice
    warnings: tuple[str, ...] = ()


def plan(
    data: Data,
    base: Base,
    hardware: Hardware,
    *,
    goal: Goal = "voice",
    force: bool = False,
    changes: Mapping[str, Any] | None = None,
) -> Plan:
    """``changes``: fields of Plan that its owner wants otherwise.

    Raises TooFewExamples unless ``force`` is set; InvalidRequest for a change that cannot be served."""
    if data.examples < FEWEST and not force:
        raise TooFewExamples(
            f"{data.examples} examples are too few to tune on: from about {FEWEST} a tuning begins to pay. "
            "Say in the prompt what you want, ask with your documents (RAG), or have examples made from "
            "them; `force` tunes anyway",
            param="training_file",
        )
    reasons: dict[str, str] = {}
    method, memory = _method(data, base, hardware, _rank(data, base, reasons), reasons)
    rank = _rank(data, base, {})
    small = base.parameters < SMALL_MODEL
    made = Plan(
        method=method,
        stages=_stages(data, reasons),
        rank=rank,
        alpha=2 * rank,
        rslora=rank >= 32,
        dropout=_dropout(data, reasons),
        learning_rate=4e-4 if small else 2e-4,
        epochs=_epochs(data, reasons),
        batch=8 if data.examples < MANY else 16,
        at_once=1 if hardware.device == "cpu" else 4,
        max_length=_length(data, base, reasons),
        gradient_checkpointing=hardware.device == "cuda",
        spectrum=None,
        replay=0.05,
        ewc=0.0,
        memory=round(memory, 1),
    )
    reasons["learning_rate"] = (
        "small models bear, and need, a larger one" if small else "about ten times that of full tuning"
    )
    reasons["replay"] = "a twentieth of general rows, made by the base itself, keeps what it knew"
    if made.rslora:
        reasons["rslora"] = "at a high rank the usual scale (alpha / rank) learns too slowly"
    return _changed(
        replace(made, reasons=reasons, warnings=tuple(_warnings(data, goal, force))),
        data,
        base,
        changes or {},
    )


def _rank(data: Data, base: Base, reasons: dict[str, str]) -> int:
    wanted = 16 if data.examples < MANY else 32 if data.examples < VERY_MANY else 64
    rank = max(one for one in RANKS if one <= min(wanted, base.max_rank))
    reasons["rank"] = f"{data.examples:,} examples ask for {wanted}"
    if rank < wanted:
        reasons["rank"] += f"; the engine serves {base.max_rank} at most (SIMURGH_MAX_LORA_RANK)"
    return rank


def _method(
    data: Data, base: Base, hardware: Hardware, rank: int, reasons: dict[str, str]
) -> tuple[Method, float]:
    """And the memory that it takes, in GiB."""
    needs = {one: reckoned_memory(one, data, base, hardware, rank) for one in ("lora", "qlora")}
    room = ROOM * hardware.memory
    told = f"LoRA takes about {needs['lora']:.1f} GiB of the {hardware.memory:.1f} that are free"
    if needs["lora"] <= room:
        reasons["method"] = told
        return "lora", needs["lora"]
    reasons["method"] = f"{told}; with the base in 4 bits (NF4) it is {needs['qlora']:.1f}"
    return "qlora", needs["qlora"]


def reckoned_memory(method: str, data: Data, base: Base, hardware: Hardware, rank: int) -> float:
    """GiB of weights, the adapter with its optimizer, and the activations of one example."""
    number = 2 if hardware.device == "cuda" else 4  # bytes: bf16, or float32
    weight = NF4 if method == "qlora" else number
    adapter = 2 * rank * 9 * base.hidden * base.layers  # seven modules, some of them wider
    kept = 2 if hardware.device == "cuda" else 34  # tensors of a layer: its input alone, or all of them
    activations = number * kept * base.layers * base.hidden * min(data.longest, base.window)
    return (weight * base.parameters + ADAM * adapter + activations) / 2**30


def _stages(data: Data, reasons: dict[str, str]) -> tuple[Literal["sft", "dpo"], ...]:
    if not data.pairs:
        return ("sft",)
    reasons["stages"] = f"{data.pairs:,} preference pairs, learnt after the answers themselves"
    return ("sft", "dpo")


def _dropout(data: Data, reasons: dict[str, str]) -> float:
    reasons["dropout"] = "the fewer examples, the sooner they are learnt by heart"
    return 0.2 if data.examples < 300 else 0.1 if data.examples < MANY else 0.05


def _epochs(data: Data, reasons: dict[str, str]) -> int:
    reasons["epochs"] = "at most: it stops when validation gets worse, and goes back to its best step"
    return 5 if data.examples < 300 else 3 if data.examples < VERY_MANY else 2


def _length(data: Data, base: Base, reasons: dict[str, str]) -> int:
    wanted = max(data.tokens, base.served_prompt)
    reasons["max_length"] = (
        f"99 of 100 examples have at most {data.tokens} tokens"
        if data.tokens >= base.served_prompt
        else f"a prompt as it is served has {base.served_prompt} tokens, the examples only {data.tokens}"
    )
    return min(base.window, -(-wanted // STEP) * STEP)


def _warnings(data: Data, goal: Goal, force: bool) -> list[str]:
    found = []
    if goal == "facts":
        found.append("facts are better retrieved than learnt: a tuned model recalls few, and they change")
    if force and data.examples < FEWEST:
        found.append(f"{data.examples} examples are few: compare with the base before you use it")
    return found


def _changed(made: Plan, data: Data, base: Base, changes: Mapping[str, Any]) -> Plan:
    known = {one.name for one in fields(Plan)} - {"reasons", "warnings", "memory"}
    values = dict(changes)
    for name, value in changes.items():
        if name in UNSERVED:
            raise InvalidRequest(
                f"`{name}`: vLLM cannot serve {UNSERVED[name]} for an adapter",
                param=name,
                code="not_servable",
            )
        if name not in known | {MULTIPLIER}:
            raise InvalidRequest(f"there is no option `{name}`: use {', '.join(sorted(known))}", param=name)
        _require(name, value, base)
    reasons = dict(made.reasons)
    if (share := values.get("spectrum")) is not None and share < 1:
        made = replace(made, learning_rate=float(f"{made.learning_rate * share**-FEWER_LEARN_FASTER:.1g}"))
        reasons["learning_rate"] = f"a share of {share:g} of the modules has to learn what all would"
    if (times := values.pop(MULTIPLIER, None)) is not None:
        values["learning_rate"] = times * values.get("learning_rate", made.learning_rate)
    if "stages" in values:
        values["stages"] = _asked_stages(values["stages"], data)
    asked = dict.fromkeys(values, "as you asked")
    return replace(made, **values, reasons={**reasons, **asked})


def _asked_stages(value: Any, data: Data) -> tuple[Any, ...]:
    """Raises InvalidRequest."""
    if value == ["sft"] or (value == ["sft", "dpo"] and data.pairs):
        return tuple(value)
    raise InvalidRequest(
        '`stages` is ["sft"], or ["sft", "dpo"] where the file holds preference pairs', param="stages"
    )


def _require(name: str, value: Any, base: Base) -> None:
    """Raises InvalidRequest."""
    if name in CHOICES and value not in CHOICES[name]:
        listed = " or ".join(f"`{json.dumps(one)}`" for one in CHOICES[name])
        raise InvalidRequest(f"`{name}` is {listed}", param=name)
    bounds: dict[str, tuple[float, float]] = {
        "rank": (1, base.max_rank),
        "alpha": (1, 1024),
        "dropout": (0.0, 0.5),
        "learning_rate": (1e-7, 1e-1),
        MULTIPLIER: (1e-3, 1e3),
        "epochs": (1, 100),
        "batch": (1, 1024),
        "at_once": (1, 256),
        "max_length": (STEP, base.window),
        "spectrum": (0.01, 1.0),
        "replay": (0.0, 0.5),
        "ewc": (0.0, 1e9),
    }
    if name not in bounds or (name == "spectrum" and value is None):
        return
    least, most = bounds[name]
    number = (int,) if name in WHOLE else (int, float)
    if isinstance(value, bool) or not isinstance(value, number) or not least <= value <= most:
        hint = " (the engine serves no more: SIMURGH_MAX_LORA_RANK)" if name == "rank" else ""
        kind = "a whole number" if name in WHOLE else "a number"
        raise InvalidRequest(f"`{name}` must be {kind} between {least:g} and {most:g}{hint}", param=name)
