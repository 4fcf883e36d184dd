"""A few answers with the log-probability of each token, for the engine to be held to: see `app.canary`."""

from collections.abc import Sequence
from typing import Any

from app.canary import CANARIES, CanaryRow
from tuning.encoding import Row
from tuning.scores import answer_logits

ROWS = 4
TOKENS = 256  # of a row: it is scored each time the adapter is loaded for the first time


def canary(model: Any, rows: Sequence[Row]) -> bytes:
    """``model``: PEFT's, with its adapter; the shortest of ``rows`` are taken, cut to TOKENS. As JSON."""
    some = sorted(rows, key=lambda row: row.answer_at)[:ROWS]
    cut = [Row(ids=row.ids[:TOKENS], answer_at=min(row.answer_at, TOKENS - 1)) for row in some]
    model.eval()
    tuned = [_scored(model, row) for row in cut]
    with model.disable_adapter():
        base = [_scored(model, row) for row in cut]
    return CANARIES.dump_json(
        tuple(
            CanaryRow(ids=tuple(row.ids), answer_at=row.answer_at, base=tuple(one), tuned=tuple(other))
            for row, one, other in zip(cut, base, tuned, strict=True)
        )
    )


def _scored(model: Any, row: Row) -> list[float]:
    import torch

    with torch.no_grad():
        every = torch.log_softmax(answer_logits(model, row), dim=-1)
    answer = torch.tensor(row.ids[row.answer_at :], device=every.device)
    return [round(float(one), 5) for one in every.gather(1, answer[:, None])[:, 0]]
