"""Passages that say the same in the same words: of such, one place among the results is enough."""

from collections.abc import Sequence, Set

from indexes.text import PAIR

SHINGLE = 3  # words
SAME = 0.9  # overlap of shingles (Jaccard) from which two texts are nearly the same


def unlike(texts: Sequence[Sequence[str]]) -> list[int]:
    """Places of those that no earlier one nearly repeats. ``texts`` are terms as analysed, the best first.

    Texts that differ in a number are never the same: two years' prices may stand in the same words.
    """
    kept: list[tuple[int, set[str]]] = []
    for place, terms in enumerate(texts):
        every = set(terms)
        if not any(
            _overlap(every, others) >= SAME and _repeats(terms, texts[other]) for other, others in kept
        ):
            kept.append((place, every))
    return [place for place, _ in kept]


def _repeats(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    words, others = _words(ours), _words(theirs)
    return _numbers(words) == _numbers(others) and _overlap(_shingles(words), _shingles(others)) >= SAME


def _words(terms: Sequence[str]) -> list[str]:
    return [term for term in terms if not term.startswith(PAIR)]


def _numbers(words: list[str]) -> list[str]:
    return sorted(word for word in words if any(char.isdigit() for char in word))


def _shingles(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + SHINGLE]) for at in range(max(1, len(words) - SHINGLE + 1))}


def _overlap(ours: Set[object], theirs: Set[object]) -> float:
    return len(ours & theirs) / len(ours | theirs) if ours or theirs else 1.0
