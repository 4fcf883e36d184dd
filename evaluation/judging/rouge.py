"""ROUGE (Lin 2004, https://aclanthology.org/W04-1013): n-grams, and the longest run of words in their order.

Words are those of EM and F1, so Persian and Chinese count too: rouge-score's own tokenizer keeps a-z and 0-9
only.
"""

from collections import Counter
from collections.abc import Sequence

from evaluation.metrics import tokens


def rouge_n(answer: str, gold: str, n: int) -> float:
    """F score of their n-grams, 0..1. A text of fewer than ``n`` words is one n-gram."""
    said, wanted = _grams(tokens(answer), n), _grams(tokens(gold), n)
    return _f(((said & wanted).total()), said.total(), wanted.total())


def rouge_l(answer: str, gold: str) -> float:
    """F score of their longest common subsequence of words, 0..1."""
    said, wanted = tokens(answer), tokens(gold)
    return _f(_common(said, wanted), len(said), len(wanted))


def _f(common: int, said: int, wanted: int) -> float:
    if not said or not wanted:
        return float(said == wanted)
    return 2 * common / (said + wanted)


def _grams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    if not words:
        return Counter()
    return Counter(tuple(words[at : at + n]) for at in range(max(1, len(words) - n + 1)))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    above = [0] * (len(other) + 1)
    for word in one:
        row = [0]
        for at, against in enumerate(other):
            row.append(above[at] + 1 if word == against else max(above[at + 1], row[at]))
        above = row
    return above[-1]
