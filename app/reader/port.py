"""The reader port: where in each passage the answer stands, if it stands there at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The best span of one passage: ``passage[start:end]``, in code points; empty where there is none."""

    start: int
    end: int
    margin: float  # log-odds of the span against "the passage does not say"; 0 is undecided


class Reader(Protocol):
    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """One reading a passage, in their order. Safe to call from several threads."""
        ...


class FakeReader:
    """Takes the first word that follows the question's last word, so that tests can say what is answered."""

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        words = question.strip(" ?؟？").split()
        return [self._find(words[-1] if words else "", passage) for passage in passages]

    def _find(self, word: str, passage: str) -> Reading:
        at = passage.casefold().find(word.casefold()) if word else -1
        rest = passage[at + len(word) :].lstrip() if at >= 0 else ""
        if not rest:
            return Reading(start=0, end=0, margin=-10.0)
        start = len(passage) - len(rest)
        return Reading(start=start, end=start + len(rest.split()[0]), margin=5.0)
