"""A training of the bundled model for the measurements: its plan, its rows, its folder."""

from collections.abc import Sequence
from pathlib import Path

from app import models
from app.generator import Message
from app.settings import Settings
from bench.texts import paragraphs
from tuning.machine import hardware
from tuning.plan import Plan
from tuning.records import Example
from tuning.workspace import GENERAL, GENERAL_JUDGED, Task, Workspace

WORDS = 60  # of a paragraph that is learnt
BATCH = 2


def bundled(settings: Settings) -> Path:
    """The folder of its weights."""
    found = models.generator_source(settings).folder
    assert found is not None
    return found


def begun(
    folder: Path,
    settings: Settings,
    plan: Plan,
    made: Sequence[Example],
    *,
    validate: int,
    modules: tuple[str, ...] = (),
) -> Workspace:
    """``validate``: how many of ``made``, the last, are not learnt from."""
    work = Workspace(folder)
    task = Task(
        weights=bundled(settings),
        base="bench",
        plan=plan,
        modules=modules,
        device=hardware(settings).device,
    )
    work.begin(task, made[:-validate], made[-validate:])
    for name in (GENERAL_JUDGED, GENERAL):  # none: what the base would write takes longer than all else
        work.write_examples(name, [])
    return work


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
        batch=BATCH,
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
