"""How much of a text an extractor found, in order and by words."""

import re
import unicodedata
from collections import Counter

GRAM = 5


def ordered_recall(truth: str, found: str) -> float:
    """Share of the truth's character 5-grams that were found, white space and ZWNJ taken out."""
    return _share(_grams(truth), _grams(found))


def word_recall(truth: str, found: str) -> float:
    """Share of the truth's words that were found, ZWNJ kept."""
    return _share(Counter(_folded(truth).split()), Counter(_folded(found).split()))


def _grams(text: str) -> Counter[str]:
    text = re.sub("[\\s\u200c]", "", _folded(text))
    return Counter(text[at : at + GRAM] for at in range(len(text) - GRAM + 1))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace("ي", "ی").replace("ك", "ک")


def _share(wanted: Counter[str], found: Counter[str]) -> float:
    return (wanted & found).total() / wanted.total()
