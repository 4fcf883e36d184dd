"""A causal language model of transformers that rates."""

from typing import Any

import numpy as np

from evaluation.judging.ratings import MARKS, Log


class LocalRater:
    """``model`` as it is when it is asked, ``tokenizer`` with a chat template."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._marks = [self._ids(mark)[-1] for mark in MARKS]  # some tokenizers put a space in front

    def log_probabilities(self, prompt: str) -> Log:
        """One forward pass."""
        import torch

        turns = [{"role": "user", "content": prompt}]
        text = str(self._tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False))
        self._model.eval()
        with torch.no_grad():
            given = torch.tensor([self._ids(text)], device=self._model.device)
            logits = self._model(input_ids=given, logits_to_keep=1).logits[0, -1].float()
        return np.asarray(logits.log_softmax(-1)[self._marks].cpu().numpy(), np.float64)

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)
