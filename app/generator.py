"""The generator port: messages in, a stream of text out, an adapter chosen per request."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

BASE = "base"  # the name that asks for no adapter


@dataclass(frozen=True, kw_only=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, kw_only=True)
class LoadedAdapter:
    """What an engine needs to know of an adapter: every version has its own name and integer.

    vLLM's prefix-cache keys hold the adapter's name and path, so neither is ever reused.
    """

    name: str  # "<name>@<first 12 hex digits of the sha256>"
    number: int  # persisted and unique, > 0
    folder: Path  # adapters/<sha256>/, immutable


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    request_id: str
    messages: tuple[Message, ...]
    adapter: LoadedAdapter | None = None  # None: the base model
    max_tokens: int = 256
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None  # the answer is JSON that follows it; see app.json_schema


@dataclass(frozen=True, kw_only=True)
class Delta:
    """A piece of the answer. Counts are totals so far; ``finish_reason`` is set on the last one."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: Literal["stop", "length", "abort"] | None = None


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What the service must know of a generator to use it well."""

    id: str
    window: int  # tokens of prompt and answer together
    languages: tuple[str, ...]  # ISO 639-1 codes it can write; empty: any
    max_lora_rank: int


class Generator(Protocol):
    """Raises EngineUnavailable when there is no live engine; closing the iterator aborts."""

    def generate(self, request: GenerationRequest) -> AsyncGenerator[Delta, None]: ...

    async def load_adapter(self, adapter: LoadedAdapter) -> None:
        """Make the adapter servable on every replica, or raise InvalidAdapter; idempotent."""
        ...


class Scorer(Protocol):
    async def logprobs(self, ids: Sequence[int], adapter: LoadedAdapter | None) -> list[float]:
        """Of each token but the first, given those before it, in nats. Raises as a generator does."""
        ...


class TokenCounter(Protocol):
    """Counts tokens as the generator's tokenizer does, chat-template overhead not included."""

    async def count(self, texts: list[str]) -> list[int]: ...
