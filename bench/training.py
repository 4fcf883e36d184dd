"""`python -m bench.training`: tokens a second and memory of LoRA, QLoRA and Spectrum on the bundled model.

The three take turns, each a training as `simurgh tune train` runs it, in a process of its own.
"""

import argparse
import contextlib
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table as RichTable

from app import models
from app.cli.prepare import prepare_with_bar
from app.generator import Message
from app.settings import Settings
from bench import head
from bench.figures import Figure
from bench.memory import peak
from bench.texts import paragraphs
from evaluation.report import Report, Section, Table, surroundings
from tuning.machine import hardware
from tuning.plan import Plan
from tuning.records import Example
from tuning.run import run
from tuning.spectrum import chosen
from tuning.workspace import Task, Workspace

REPORTS = Path(__file__).parents[1] / "docs" / "results"
TEXT = (
    "LoRA, QLoRA (the base in 4 bits, NF4) and LoRA on the modules that Spectrum chooses, on the bundled "
    "model: each in turns, each as `simurgh tune train` runs it. Tokens a second: the median of a training's "
    "steps, forward and back; peak memory: that of the training's process."
)
ROWS, VALIDATE = 16, 2
TURNS = 3
WORDS = 60  # of a paragraph that is learnt
SHARE = 0.25  # of the modules, for Spectrum


@dataclass(frozen=True, kw_only=True)
class Cost:
    speed: float  # tokens a second, forward and back
    memory: float  # GiB at the peak
    parameters: float  # that are trained


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"into {REPORTS}")
    asked = parser.parse_args()
    settings = Settings()
    prepare_with_bar(settings)
    base = models.generator_source(settings).folder
    assert base is not None
    device = hardware(settings).device
    ways: dict[str, dict[str, Any]] = {
        "LoRA": {"method": "lora"},
        "QLoRA": {"method": "qlora"},
        f"Spectrum, {SHARE:.0%} of the modules": {"method": "lora", "modules": tuple(chosen(base, SHARE))},
    }
    found: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            found[name].append(_measured(base, device, **way))
    tables = (_ways({name: _median(costs) for name, costs in found.items()}), _head(head.measure(base)))
    for one in tables:
        shown = RichTable(*one.header, title=one.title)
        for row in one.rows:
            shown.add_row(*row)
        Console().print(shown)
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


def _measured(base: Path, device: Any, *, method: str, modules: tuple[str, ...] = ()) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        work = Workspace(Path(folder) / "run")
        task = Task(weights=base, base="bench", plan=plan(method), modules=modules, device=device)
        made = rows(ROWS + VALIDATE)
        work.begin(task, made[:ROWS], made[ROWS:])
        most = [0.0]

        def look(_: Mapping[str, Any]) -> None:
            for child in psutil.Process().children():
                with contextlib.suppress(OSError):  # it ended meanwhile
                    most[0] = max(most[0], peak(child) / 2**10)

        outcome = run(work, tell=look, niceness=0)
        assert outcome.figures is not None, (outcome, work.log.read_text()[-2000:])
        steps = [event for event in work.events() if "tokens" in event and "loss" in event]
        speeds = [(b["tokens"] - a["tokens"]) / (b["at"] - a["at"]) for a, b in pairwise(steps)]
        return Cost(
            speed=statistics.median(speeds),  # an evaluation lies between some
            memory=most[0],
            parameters=outcome.figures["parameters_trained"],
        )


def plan(method: str) -> Plan:
    return Plan(
        method=method,  # type: ignore[arg-type]
        stages=("sft",),
        rank=16,
        alpha=32,
        rslora=False,
        dropout=0.1,
        learning_rate=4e-4,
        epochs=1,
        batch=2,
        at_once=1,
        max_length=512,
        gradient_checkpointing=False,
        spectrum=None,
        replay=0.0,
        ewc=0.0,
        memory=1.0,
    )


def rows(count: int) -> list[Example]:
    return [
        Example(
            line=number,
            prompt=(Message(role="user", content=f"Continue: {' '.join(text.split()[:8])}"),),
            answer=" ".join(text.split()[8 : 8 + WORDS]),
        )
        for number, text in enumerate(paragraphs("en")[:count], 1)
    ]


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        speed=statistics.median(one.speed for one in costs),
        memory=statistics.median(one.memory for one in costs),
        parameters=costs[0].parameters,
    )


if __name__ == "__main__":
    main()
