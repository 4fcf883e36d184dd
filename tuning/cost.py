"""What an adapter cost to train: as the training itself told."""

from collections.abc import Mapping
from pathlib import Path

from app.adapter_store import WEIGHTS
from evaluation.compare_report import Training
from indexes.blobs import sha256_of
from tuning.workspace import Workspace

SOURCE = "tuning:"  # of an adapter that was trained over HTTP; the tuning's id follows


def cost(figures: Mapping[str, float]) -> Training:
    """``figures``: of a training's outcome."""
    return Training(
        seconds=figures["training_seconds"],
        device="cuda" if figures["on_gpu"] else "cpu",
        parameters=int(figures["parameters_trained"]),
    )


def cost_of(stored: Path, trainings: Path) -> Training | None:
    """Of one that was trained on the command line. ``stored``: the adapter's folder in the service's store,
    ``trainings``: that in which each training has one. The training whose weights are those that are stored;
    None where there is none."""
    weights = stored / WEIGHTS
    if not weights.is_file():
        return None
    size, digest = weights.stat().st_size, sha256_of(weights)
    for task in sorted(trainings.glob("*/task.json")):
        work = Workspace(task.parent)
        trained, outcome = work.adapter / WEIGHTS, work.outcome()
        if outcome is None or outcome.figures is None or not trained.is_file():
            continue
        if trained.stat().st_size == size and sha256_of(trained) == digest:
            return cost(outcome.figures)
    return None
