"""Whether an engine serves an adapter as it was trained: a canary is sung before anyone may ask it.

A training leaves a few of its own answers with the log-probability of each token, by the base and by
the adapter, as the library that trained them reckons. The engine must come to the same: one that ignores the
adapter, scales it otherwise or serves it on another base does not.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from app.adapter_store import CANARY
from app.generator import LoadedAdapter, Scorer
from indexes.errors import InvalidAdapter

MOST_ROWS, MOST_TOKENS = 8, 1024
# Mean differences of a token's log-probability, in nats.
SLACK = 0.05
OF_MOVE = 0.25  # of what the adapter changes, that the engine may be off by
OF_NOISE = 2.0  # of what engine and library differ by on the base already: other numbers, other kernels
OF_UNMOVED = 0.5  # of what the engine's base is off by: it must be much nearer than that, whatever the noise

LogProb = Annotated[float, Field(le=1e-3, allow_inf_nan=False)]


class CanaryRow(BaseModel):
    """One answer: ``ids`` of its prompt and itself, and of each token from ``answer_at`` on two figures."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ids: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=2, max_length=MOST_TOKENS)
    answer_at: int = Field(ge=1)
    base: tuple[LogProb, ...] = Field(min_length=1)
    tuned: tuple[LogProb, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _lengths(self) -> "CanaryRow":
        if not len(self.ids) - self.answer_at == len(self.base) == len(self.tuned):
            raise ValueError("a figure is missing, or one too many")
        return self


Canary = Annotated[tuple[CanaryRow, ...], Field(min_length=1, max_length=MOST_ROWS)]
CANARIES: TypeAdapter[tuple[CanaryRow, ...]] = TypeAdapter(Canary)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Means over all tokens, in nats."""

    moved: float  # by which the adapter changes the base, where it was trained
    served: float  # the same as it is served
    noise: float  # by which the served base differs from that of the training
    off: float  # by which the served adapter does


def read_canary(folder: Path) -> tuple[CanaryRow, ...]:
    """Of an adapter's folder; none where it has no canary. Raises InvalidAdapter."""
    try:
        return CANARIES.validate_json((folder / CANARY).read_bytes())
    except FileNotFoundError:
        return ()
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidAdapter(
            f"{CANARY}: {'.'.join(map(str, first['loc']))}: {first['msg']}", param="file", code="bad_canary"
        ) from error


async def prove(scorer: Scorer, adapter: LoadedAdapter, rows: Sequence[CanaryRow]) -> Proof:
    """Raises InvalidAdapter (``canary_failed``) and what the scorer raises."""
    asked = [(row, which) for which in (None, adapter) for row in rows]
    every = await asyncio.gather(*(scorer.logprobs(row.ids, which) for row, which in asked))
    of_answers = [found[-len(row.base) :] for (row, _), found in zip(asked, every, strict=True)]
    served = [of_answers[: len(rows)], of_answers[len(rows) :]]
    trained = [[row.base for row in rows], [row.tuned for row in rows]]
    proof = Proof(
        moved=_apart(*trained),
        served=_apart(*served),
        noise=_apart(served[0], trained[0]),
        off=_apart(served[1], trained[1]),
    )
    unmoved = _apart(served[0], trained[1])  # off so far it would be without the adapter
    allowed = SLACK + min(OF_MOVE * proof.moved + OF_NOISE * proof.noise, OF_UNMOVED * unmoved)
    if proof.off > allowed:
        raise InvalidAdapter(
            f"the engine does not serve it as it was trained: log-probabilities are off by {proof.off:.3f} "
            f"nats a token ({allowed:.3f} are allowed; the adapter changes them by {proof.moved:.3f}, the "
            f"engine by {proof.served:.3f})",
            param="file",
            code="canary_failed",
        )
    return proof


def _apart(some: Sequence[Sequence[float]], others: Sequence[Sequence[float]]) -> float:
    """Mean absolute difference."""
    pairs = [pair for row in zip(some, others, strict=True) for pair in zip(*row, strict=True)]
    return sum(abs(a - b) for a, b in pairs) / len(pairs)
