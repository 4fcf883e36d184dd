"""What a training has to show, as files that its owner can fetch."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tuning.tune import DATA_CARD, MODEL_CARD
from tuning.workspace import Workspace

# Columns as in the results file of OpenAI's fine-tuning, and the names that events have for them.
COLUMNS = {
    "step": "step",
    "train_loss": "loss",
    "train_accuracy": "token_accuracy",
    "valid_loss": "validation_loss",
    "valid_mean_token_accuracy": "validation_token_accuracy",
}
STEPS = "step_metrics.csv"


def results(work: Workspace) -> Iterator[tuple[str, bytes]]:
    """Names and contents of those that are there, the table of steps first."""
    yield STEPS, steps(list(work.events()))
    for file in (f"{MODEL_CARD}.html", f"{DATA_CARD}.html", work.log.name):
        path: Path = work.folder / file
        if path.is_file():
            yield file, path.read_bytes()


def steps(events: Sequence[Mapping[str, Any]]) -> bytes:
    """A row for each step that was told of."""
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for event in events:
        if "steps" in event:
            rows.setdefault((event["stage"], event["step"]), {}).update(event)
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=["stage", *COLUMNS])
    writer.writeheader()
    for row in rows.values():
        writer.writerow({"stage": row["stage"], **{name: row.get(key, "") for name, key in COLUMNS.items()}})
    return out.getvalue().encode()
