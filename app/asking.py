"""What is asked and what comes back: the records of the ask story."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.citations import Citation
from app.generator import Message
from app.language import Reason
from indexes.records import Adapter, Filters, Hit

TOP_K = 5  # passages that are retrieved unless a request says otherwise
MAX_TOKENS = 256  # of an answer, likewise


@dataclass(frozen=True, kw_only=True)
class Question:
    request_id: str
    tenant: str
    text: str
    collection: str = "default"
    adapter: str | None = None  # None: whatever answers best here; "base": the generator without one
    top_k: int = TOP_K
    filters: Filters = field(default_factory=dict)
    history: tuple[Message, ...] = ()
    mode: Literal["rag", "model"] = "rag"
    max_tokens: int = MAX_TOKENS
    temperature: float = 0.0
    schema: Mapping[str, Any] | None = None  # of the answer, which then is JSON; in mode "model"
    verbatim: bool = False  # the generator's words as they come, also without an adapter


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Milliseconds; ``first_token`` counts from the question's arrival."""

    retrieve: float = 0.0
    first_token: float = 0.0
    generate: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SourcesFound:
    sources: tuple[Hit, ...]  # best first


@dataclass(frozen=True, kw_only=True)
class Token:
    text: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    request_id: str
    answer: str
    sources: tuple[Hit, ...]
    citations: tuple[Citation, ...]
    unsupported: tuple[str, ...]  # sentences of the answer that no source supports
    groundedness: float | None  # None where no sources were asked for
    confidence: float | None  # probability that the sources hold the answer; likewise
    abstained: bool
    reason: Reason | None
    collection: str
    adapter: Adapter | None
    model: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str
    timings: Timings


Event = SourcesFound | Token | Answer


class Clock:
    """Runs from the question's arrival."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._retrieved = self._first = 0.0

    def _since(self) -> float:
        return round((time.perf_counter() - self._started) * 1000, 2)

    def retrieved(self) -> None:
        self._retrieved = self._since()

    def token(self) -> None:
        self._first = self._first or self._since()

    def timings(self) -> Timings:
        total = self._since()
        return Timings(
            retrieve=self._retrieved,
            first_token=self._first,
            generate=round(total - self._retrieved, 2),
            total=total,
        )
