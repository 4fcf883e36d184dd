"""Answers that a model writes: greedily, many at once, no more of them than take bounded time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tuning.encoding import Encoder
from tuning.records import Example

LONGER = 64  # tokens that an answer may have beyond twice the longest that was to be learnt
TOKENS = 12_000  # that all answers together may have
FEWEST, MOST = 24, 200  # answers


@dataclass(frozen=True, kw_only=True)
class Written:
    text: str
    ended: bool  # by itself, else it was cut


class Writer:
    """Of ``model`` as it is when it is asked: with its adapter, or with that disabled."""

    def __init__(self, model: Any, tokenizer: Any, examples: Sequence[Example], *, at_once: int) -> None:
        """``examples``: the first of them are asked, as many as the length of their answers allows;
        ``at_once``: as many as fit into memory."""
        self._model = model
        self._tokenizer = tokenizer
        self._at_once = at_once
        self._encoder = Encoder(tokenizer)
        rows = [self._encoder.row(one) for one in examples[:MOST]]
        self._longest = 2 * max(len(one.ids) - one.answer_at for one in rows) + LONGER
        self.asked = examples[: min(MOST, max(FEWEST, TOKENS // self._longest))]

    def answers(self) -> list[Written]:
        """One for each of ``asked``."""
        self._model.eval()
        found = []
        for at in range(0, len(self.asked), self._at_once):
            found += self._batch(self.asked[at : at + self._at_once])
        return found

    def _batch(self, examples: Sequence[Example]) -> list[Written]:
        prompts = [self._encoder.prompt(one.prompt) for one in examples]
        made = written(self._model, self._tokenizer, prompts, longest=self._longest, do_sample=False)
        return [replace(one, text=one.text.strip()) for one in made]


def written(
    model: Any, tokenizer: Any, prompts: Sequence[str], *, longest: int, **sampling: Any
) -> list[Written]:
    """What ``model`` writes behind each of ``prompts``, at once: ``longest`` tokens at most. ``sampling``: as
    transformers names it."""
    import torch

    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    batch = tokenizer(
        list(prompts), add_special_tokens=False, return_tensors="pt", padding=True, padding_side="left"
    ).to(model.device)
    with torch.no_grad():
        made = model.generate(
            **batch, max_new_tokens=longest, pad_token_id=end if pad is None else pad, **sampling
        )
    found = []
    for ids in made[:, batch.input_ids.shape[1] :].tolist():
        ended = end in ids
        text = tokenizer.decode(ids[: ids.index(end)] if ended else ids, skip_special_tokens=True)
        found.append(Written(text=text, ended=ended))
    return found
