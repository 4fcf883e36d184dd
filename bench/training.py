"""`python -m bench.training`: tokens a second and memory of LoRA, QLoRA and Spectrum on the bundled model.

The three take turns, each a training as `simurgh tune train` runs it, in a process of its own, until it has
learnt: nothing is judged.
"""

import argparse
import contextlib
import math
import statistics
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from safetensors import safe_open

from app.cli.prepare import prepare_with_bar
from app.settings import Settings
from bench import head
from bench.figures import Figure, show
from bench.memory import peak
from bench.tuned import BATCH, WORDS, begun, bundled, plan, rows
from evaluation.report import Report, Section, Table, surroundings
from tuning.run import run
from tuning.spectrum import chosen

REPORTS = Path(__file__).parents[1] / "docs" / "results"
TEXT = (
    "LoRA, QLoRA (the base in 4 bits, NF4) and LoRA on the modules that Spectrum chooses, on the bundled "
    "model: in turns, each as `simurgh tune train` runs it until it has learnt, no general rows. Tokens a "
    "second: the median of a training's steps, forward and back; peak memory: that of the training's process."
)
ROWS, VALIDATE = 16, 2
STEPS = ROWS // BATCH
TURNS = 3
SHARE = 0.25  # of the modules, for Spectrum


@dataclass(frozen=True, kw_only=True)
class Cost:
    speed: float  # tokens a second, forward and back
    memory: float  # GiB at the peak
    parameters: int  # that are trained


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"into {REPORTS}")
    asked = parser.parse_args()
    settings = Settings()
    prepare_with_bar(settings)
    base = bundled(settings)
    ways: dict[str, dict[str, Any]] = {
        "LoRA": {"method": "lora"},
        "QLoRA": {"method": "qlora"},
        f"Spectrum, {SHARE:.0%} of the modules": {"method": "lora", "modules": tuple(chosen(base, SHARE))},
    }
    found: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            found[name].append(_measured(settings, **way))
    tables = (_ways({name: _median(costs) for name, costs in found.items()}), _head(head.measure(base)))
    show(*tables)
    if asked.write:
        facts = surroundings(rows=f"{ROWS}, of about {WORDS} words", turns=str(TURNS))
        section = Section(title="What a training costs", text=TEXT, tables=tables)
        Report(title="Training", facts=facts, sections=(section,)).write(REPORTS, "training")


def _ways(costs: Mapping[str, Cost]) -> Table:
    lora = costs["LoRA"]
    return Table(
        title="Ways to train",
        header=("", "tokens/s", "over LoRA", "peak GiB", "over LoRA", "parameters", "over LoRA"),
        rows=tuple(
            (
                name,
                f"{one.speed:.0f}",
                f"{one.speed / lora.speed:.2f}x",
                f"{one.memory:.2f}",
                f"{one.memory / lora.memory:.2f}x",
                f"{one.parameters:,.0f}",
                f"{one.parameters / lora.parameters:.2f}x",
            )
            for name, one in costs.items()
        ),
    )


def _head(figure: Figure) -> Table:
    return Table(
        title="The head over the answer alone, and over all of a row",
        header=("", "answer alone", "all", "ratio"),
        rows=((figure.name, f"{figure.ours:.1f}", f"{figure.rival:.1f}", f"{figure.ratio:.2f}x"),),
        note=f"Forward and back, {figure.unit}; {head.LENGTH} tokens, of which {head.ANSWER} are learnt.",
    )


def _measured(settings: Settings, *, method: str, modules: tuple[str, ...] = ()) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        work = begun(
            Path(folder) / "run",
            settings,
            plan(method),
            rows(ROWS + VALIDATE),
            validate=VALIDATE,
            modules=modules,
        )
        learnt = threading.Event()
        most = 0.0

        def look(event: Mapping[str, Any]) -> None:
            nonlocal most
            for child in psutil.Process().children():
                with contextlib.suppress(OSError):  # it ended meanwhile
                    most = max(most, peak(child) / 2**10)
            if event.get("checkpoint") == STEPS:
                learnt.set()  # what comes then is judging

        outcome = run(work, tell=look, cancelled=learnt, niceness=0)
        last = work.last_checkpoint("sft")
        assert last is not None, (outcome, work.log.read_text()[-2000:])
        steps = [event for event in work.events() if "tokens" in event and "loss" in event]
        speeds = [(b["tokens"] - a["tokens"]) / (b["at"] - a["at"]) for a, b in pairwise(steps)]
        return Cost(
            speed=statistics.median(speeds),  # an evaluation lies between some
            memory=most,
            parameters=_parameters(last),
        )


def _parameters(checkpoint: Path) -> int:
    with safe_open(checkpoint / "adapter_model.safetensors", framework="np") as weights:
        return sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118  it cannot be iterated over


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        speed=statistics.median(one.speed for one in costs),
        memory=statistics.median(one.memory for one in costs),
        parameters=costs[0].parameters,
    )


if __name__ == "__main__":
    main()
