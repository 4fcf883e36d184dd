"""What a training gained and what it cost, by the model itself: with its adapter and without."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Any

from tuning.encoding import IGNORED, Row


@dataclass(frozen=True, kw_only=True)
class Score:
    perplexity: float  # of an answer's token, given what stands before it
    accuracy: float  # share of the tokens that are the most likely ones


def answer_logits(model: Any, row: Row) -> Any:
    """[tokens of the answer, vocabulary], in fp32: of each, given what stands before it."""
    import torch

    ids = torch.tensor([row.ids], device=model.device)
    return model(input_ids=ids, logits_to_keep=len(row.ids) - row.answer_at + 1).logits[0, :-1].float()


def score(model: Any, rows: Sequence[Row]) -> Score:
    """Of the answers in ``rows``, each token weighing the same."""
    import torch

    model.eval()
    surprise, right, count = 0.0, 0, 0
    with torch.no_grad():
        for row in rows:
            wanted = torch.tensor(row.labels[1:], device=model.device)
            logits = answer_logits(model, row)
            wanted = wanted[-len(logits) :]
            assert IGNORED not in wanted.tolist()  # noqa: S101
            surprise += float(torch.nn.functional.cross_entropy(logits, wanted, reduction="sum"))
            right += int((logits.argmax(-1) == wanted).sum())
            count += len(wanted)
    return Score(perplexity=exp(min(50.0, surprise / max(1, count))), accuracy=right / max(1, count))
