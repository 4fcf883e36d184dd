"""Texts that are nearly the same: found by MinHash over their letters, and then truly compared."""

from collections.abc import Iterator, Sequence
from typing import Any

from indexes.text import fold

SHINGLE = 5  # characters: words would not serve Chinese
HASHES = 128
SEED = 1
TAIL = 400  # characters


class Near:
    """Finds, for each text, the earlier ones of which it shares at least ``overlap`` (Jaccard's, of the
    runs of SHINGLE letters and digits; case and the ways to write a letter do not count)."""

    def __init__(self, overlap: float) -> None:
        from datasketch import MinHashLSH

        self._overlap = overlap
        self._index = MinHashLSH(threshold=max(0.1, overlap - 0.1), num_perm=HASHES)
        self._shingles: list[frozenset[str]] = []

    def find(self, text: str) -> list[int]:
        """The numbers, from 0, of those added that it is near to."""
        shingles = shingles_of(text)
        return self._find(shingles, _sketch(shingles))

    def add(self, text: str) -> list[int]:
        """The same, of those added before it."""
        shingles = shingles_of(text)
        sketch = _sketch(shingles)
        near = self._find(shingles, sketch)
        self._index.insert(len(self._shingles), sketch)
        self._shingles.append(shingles)
        return near

    def _find(self, shingles: frozenset[str], sketch: Any) -> list[int]:
        return sorted(
            number
            for number in self._index.query(sketch)
            if jaccard(shingles, self._shingles[number]) >= self._overlap
        )


def tail(prompt: str) -> str:
    """Its end, by which it is compared: the question stands there, behind sources that many may share."""
    return prompt[-TAIL:]


def near_pairs(texts: Sequence[str], overlap: float) -> Iterator[tuple[int, int]]:
    """Pairs (earlier, later)."""
    near = Near(overlap)
    for later, text in enumerate(texts):
        yield from ((earlier, later) for earlier in near.add(text))


def _sketch(shingles: frozenset[str]) -> Any:
    from datasketch import MinHash

    sketch = MinHash(num_perm=HASHES, seed=SEED)
    sketch.update_batch([one.encode() for one in shingles])
    return sketch


def shingles_of(text: str) -> frozenset[str]:
    bare = "".join(letter for letter in fold(text) if letter.isalnum())
    return frozenset(bare[at : at + SHINGLE] for at in range(max(1, len(bare) - SHINGLE + 1)))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, len(one | other))
