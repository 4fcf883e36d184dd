"""Training rows as RAFT makes them: the passage that answers among others that were retrieved beside it, or
only those others, and then the right answer is that the sources do not tell.

Zhang et al. 2024, https://arxiv.org/abs/2403.10131; without its chains of thought. The prompt is that which
serves.
"""

import random
from collections.abc import Iterable
from typing import Any

from app.language import ABSTAINED, detect
from app.prompt import Prompt, canonical
from indexes.records import Hit


def refusal(question: str) -> str:
    """What the service says, in the question's language, where its sources do not tell."""
    return ABSTAINED["weak_evidence"][detect(question)]


def with_marker(answer: str, gold: Hit, prompt: Prompt) -> str | None:
    """None where the gold passage is not in the prompt."""
    numbers = [number for number, hit in enumerate(prompt.sources, 1) if hit.chunk_id == gold.chunk_id]
    return f"{answer} [{numbers[0]}]" if numbers else None


def turns(prompt: Prompt) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in prompt.messages]


def chat_row(prompt: Prompt, answer: str, document: str) -> dict[str, Any]:
    return {"messages": [*turns(prompt), {"role": "assistant", "content": answer}], "document": document}


def around(gold: Hit, others: Iterable[Hit], count: int, draw: random.Random) -> list[Hit]:
    """At most ``count`` of ``others``, best first, chosen so that gold's place among them is drawn: a prompt
    lists its sources in an order of their own, by which a document would else always stand in one place."""
    ranked = list(others)
    order = {hit.chunk_id: at for at, hit in enumerate(canonical([gold, *ranked]))}
    before = [hit for hit in ranked if order[hit.chunk_id] < order[gold.chunk_id]]
    after = [hit for hit in ranked if order[hit.chunk_id] > order[gold.chunk_id]]
    count = min(count, len(ranked))
    wanted = draw.randint(0, count)  # of those that stand before it
    wanted = max(count - len(after), min(wanted, len(before)))
    chosen = {hit.chunk_id for hit in (*before[:wanted], *after[: count - wanted])}
    return [hit for hit in ranked if hit.chunk_id in chosen]
