"""Documents of real text: the paragraphs of the public sets, each time begun at another sentence."""

import random
from collections.abc import Sequence
from itertools import count

from app.spans import sentences
from evaluation.datasets import LANGUAGES, data_folder, load


def paragraphs(language: str) -> list[str]:
    return [passage.text for passage in load(data_folder(), language).passages]


def small(number: int, languages: Sequence[str] = LANGUAGES) -> list[str]:
    """``number`` texts, no two alike, of one paragraph each, in all languages in turns."""
    sets = [paragraphs(language) for language in languages]
    every = [text for some in zip(*sets, strict=False) for text in some]
    found: dict[str, None] = {}
    for turn in count():
        before = len(found)
        for text in every:
            parts = [text[span.start : span.end] for span in sentences(text)]
            if turn < len(parts):
                found[" ".join([*parts[turn:], *parts[:turn]])] = None
            if len(found) == number:
                return list(found)
        if len(found) == before:
            raise ValueError(f"the sets give {before} texts, not {number}")
    raise AssertionError


def questions(number: int, *, seed: int) -> list[str]:
    """That the paragraphs answer, in all languages."""
    every = [one.text for language in LANGUAGES for one in load(data_folder(), language).answerable]
    return random.Random(seed).sample(every, number)
