"""Frozen records that pass between the parts of tuning."""

from dataclasses import dataclass
from typing import Literal

from app.generator import Message

Format = Literal["chat", "completion", "preference", "csv"]


@dataclass(frozen=True, kw_only=True)
class Example:
    """What is to be learnt: the answer to ``prompt``, whose last turn is the user's."""

    line: int  # of its file, from 1
    prompt: tuple[Message, ...]
    answer: str
    rejected: str | None = None  # the worse answer, of a preference pair
    document: str | None = None  # what it was made from, where the file says so
    whole: bool = True  # else the answer goes on, and its end is not learnt

    @property
    def question(self) -> str:
        return self.prompt[-1].content


@dataclass(frozen=True, kw_only=True)
class TrainingFile:
    format: Format
    examples: tuple[Example, ...]


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """A line that is left out, and why; ``repeats`` is the line that it repeats."""

    line: int
    reason: str
    repeats: int | None = None


@dataclass(frozen=True, kw_only=True)
class Split:
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    by_document: bool  # else there was one document only, or the file names none
    leaks: tuple[Dropped, ...] = ()  # of training: too like what validates
