"""An adapter that forgot too much is made weaker until it did not, instead of being trained anew.

Between a base and what was tuned from it lies a whole line of models, and on the way back what was learnt
usually lasts longer than what was forgotten (WiSE-FT, Wortsman et al. 2022, https://arxiv.org/abs/2109.01903).
Along LoRA the way is one factor on what it adds.
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

SCALES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)  # below them too little of the adapter is left


class Scale:
    """Of the adapter of ``model``. Its weights are changed: what saves or serves it needs to know nothing."""

    def __init__(self, model: Any) -> None:
        self._whole = {
            name: one.detach().clone() for name, one in model.named_parameters() if ".lora_B." in name
        }
        self._model = model

    def set(self, factor: float) -> None:
        """``factor``: of what was learnt; 1 is all of it."""
        import torch

        with torch.no_grad():
            for name, one in self._model.named_parameters():
                if name in self._whole:
                    one.copy_(factor * self._whole[name])

    def weaken(self, keeps: Callable[[], bool]) -> float:
        """The largest of SCALES at which the model ``keeps`` what it should, which it has then; 1 where it
        keeps it at none. A weaker adapter is taken to keep no less, so three of them are tried."""

        def kept(factor: float) -> bool:
            self.set(factor)
            return keeps()

        at = bisect_left(SCALES, True, key=kept)
        found = SCALES[at] if at < len(SCALES) else 1.0
        self.set(found)
        return found
