"""Passages that say the same in the same words: of such, one place among the results is enough."""

from collections.abc import Sequence

from indexes.text import PAIR

SHINGLE = 3  # words
SAME = 0.9  # overlap of shingles (Jaccard) from which two texts are nearly the same


def unlike(texts: Sequence[Sequence[str]]) -> list[int]:
    """Places of those that no earlier one nearly repeats. ``texts`` are terms as analysed, the best first.

    Texts that differ in a number are never the same: two years' prices may stand in the same words.
    """
    kept: list[tuple[int, list[str], set[tuple[str, ...]]]] = []
    for place, terms in enumerate(texts):
        words = [term for term in terms if not term.startswith(PAIR)]
        numbers = sorted(word for word in words if any(char.isdigit() for char in word))
        shingles = {tuple(words[at : at + SHINGLE]) for at in range(max(1, len(words) - SHINGLE + 1))}
        if not any(numbers == theirs and _overlap(shingles, others) >= SAME for _, theirs, others in kept):
            kept.append((place, numbers, shingles))
    return [place for place, _, _ in kept]


def _overlap(ours: set[tuple[str, ...]], theirs: set[tuple[str, ...]]) -> float:
    return len(ours & theirs) / len(ours | theirs)
