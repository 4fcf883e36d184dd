"""The story of a tuning: what was checked is trained, judged and described."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.engine.device import Cancel
from evaluation.judging.section import section
from tuning.check import Checked
from tuning.model_card import model_card
from tuning.plan import Base, Hardware
from tuning.run import run
from tuning.verdict import Verdict, verdict
from tuning.workspace import Outcome, Task, Workspace

MODEL_CARD, DATA_CARD = "model-card", "data-card"


@dataclass(frozen=True, kw_only=True)
class Tuned:
    outcome: Outcome
    verdict: Verdict | None  # of a training that succeeded


def begin(
    folder: Path, checked: Checked, *, base: Base, weights: Path, hardware: Hardware, seed: int = 0
) -> Workspace:
    """A workspace with all that the training needs. Raises FileExistsError, OSError."""
    work = Workspace(folder)
    task = Task(
        weights=weights.absolute(),
        base=base.id,
        plan=checked.plan,
        modules=checked.modules,
        device=hardware.device,
        seed=seed,
    )
    work.begin(task, checked.split.train, checked.split.validation)
    checked.report.write(folder, DATA_CARD)
    return work


def tune(
    work: Workspace,
    name: str,
    *,
    tell: Callable[[Mapping[str, Any]], None] = lambda _: None,
    cancelled: Cancel | None = None,
    niceness: int | None = None,
) -> Tuned:
    """Train, from where it stands, and judge. What has ended well is not trained again."""
    outcome = work.outcome()
    if outcome is None or outcome.status != "succeeded":
        outcome = run(work, tell=tell, cancelled=cancelled, niceness=niceness)
    if outcome.status != "succeeded" or outcome.figures is None:
        return Tuned(outcome=outcome, verdict=None)
    shutil.rmtree(work.folder / "checkpoints", ignore_errors=True)  # nobody goes on from them
    found = verdict(outcome.figures)
    scores = work.scores()
    answers = None if scores is None else section(*scores)
    card = model_card(name, work.task(), outcome, found, list(work.events()), answers)
    card.write(work.folder, MODEL_CARD)
    return Tuned(outcome=outcome, verdict=found)
