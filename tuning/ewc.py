"""Elastic weight consolidation on LoRA's weights (Kirkpatrick et al. 2017, https://arxiv.org/abs/1612.00796).

What general text needs most is moved least: each weight is held to where it began by the square of the slope
that general rows have there (the diagonal of Fisher's information).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from tuning.encoding import Row


class Anchor:
    """``model``: with its LoRA, before anything is learnt; ``rows``: general ones."""

    def __init__(self, model: Any, rows: Sequence[Row]) -> None:
        import torch

        self._start = {name: one.detach().clone() for name, one in _trained(model)}
        self._needed = {name: torch.zeros_like(one) for name, one in _trained(model)}
        for row in rows:
            model.zero_grad()
            ids = torch.tensor([row.ids], device=model.device)
            model(input_ids=ids, labels=torch.tensor([row.labels], device=model.device)).loss.backward()
            for name, one in _trained(model):
                if one.grad is not None:
                    self._needed[name] += one.grad.detach() ** 2 / len(rows)
        model.zero_grad()

    def pull(self, model: Any) -> Any:
        """Half the squared way from the start, each weight's by its need: a scalar to be added to a loss."""
        return sum(
            0.5 * (self._needed[name] * (one - self._start[name]) ** 2).sum() for name, one in _trained(model)
        )


def _trained(model: Any) -> Iterator[tuple[str, Any]]:
    return ((name, one) for name, one in model.named_parameters() if one.requires_grad)
