"""What a training gained and what it cost, by the model itself: with its adapter and without."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Any

from tuning.encoding import IGNORED, Encoder, Row
from tuning.records import Example

ENDED = 24  # prompts whose answers are written, to see whether they come to an end
LONGEST = 64  # tokens beyond twice the longest answer that was to be learnt


@dataclass(frozen=True, kw_only=True)
class Score:
    perplexity: float  # of an answer's token, given what stands before it
    accuracy: float  # share of the tokens that are the most likely ones


def score(model: Any, rows: Sequence[Row]) -> Score:
    """Of the answers in ``rows``, each token weighing the same."""
    import torch

    model.eval()
    surprise, right, count = 0.0, 0, 0
    with torch.no_grad():
        for row in rows:
            ids = torch.tensor([row.ids], device=model.device)
            wanted = torch.tensor(row.labels[1:], device=model.device)
            logits = (
                model(input_ids=ids, logits_to_keep=len(row.ids) - row.answer_at + 1).logits[0, :-1].float()
            )
            wanted = wanted[-len(logits) :]
            assert IGNORED not in wanted.tolist()  # noqa: S101
            surprise += float(torch.nn.functional.cross_entropy(logits, wanted, reduction="sum"))
            right += int((logits.argmax(-1) == wanted).sum())
            count += len(wanted)
    return Score(perplexity=exp(min(50.0, surprise / max(1, count))), accuracy=right / max(1, count))


def ended(model: Any, tokenizer: Any, examples: Sequence[Example]) -> float:
    """Share of the answers that end by themselves, written greedily to the first of ``examples``."""
    import torch

    encoder, some = Encoder(tokenizer), examples[:ENDED]
    longest = max(len(encoder.row(one).ids) - encoder.row(one).answer_at for one in some)
    found = 0
    model.eval()
    for one in some:
        ids = tokenizer(encoder.prompt(one.prompt), add_special_tokens=False, return_tensors="pt")
        with torch.no_grad():
            made = model.generate(
                **ids.to(model.device),
                max_new_tokens=2 * longest + LONGEST,
                do_sample=False,
                pad_token_id=tokenizer.eos_token_id,
            )
        found += int(made[0, -1]) == tokenizer.eos_token_id
    return found / len(some)
