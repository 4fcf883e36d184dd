"""Places of a collection to make rows from: each document in its turn, each place once."""

import random
from collections.abc import Callable, Iterator, Sequence

STRIDE = 600  # characters from one place of a document to the next
LENGTH = 240  # characters at a place: enough to find its passage by
ENOUGH = 20  # letters and digits
MORE = 4  # times its share of places is kept of a document: others have less to say


def places(
    documents: Sequence[str], text_of: Callable[[str], str], draw: random.Random, *, most: int
) -> Iterator[tuple[str, str]]:
    """(document, words at a place in it), ``most`` at the most. A document's text is asked for when its first
    turn comes, and only its places are kept."""
    waiting = list(documents)
    draw.shuffle(waiting)
    share = MORE * (1 + most // max(1, len(waiting)))
    left: list[tuple[str, list[str]]] = []
    given = 0
    while waiting or left:
        turn, left = left, []
        for document, words in turn or ((one, _places(text_of(one), draw, share)) for one in waiting):
            if given == most:
                return
            if words:
                yield document, words.pop()
                given += 1
                left.append((document, words))
        waiting = []


def _places(text: str, draw: random.Random, most: int) -> list[str]:
    starts = range(0, len(text), STRIDE)
    found = [text[start : start + LENGTH] for start in draw.sample(starts, min(most, len(starts)))]
    return [words for words in found if sum(map(str.isalnum, words)) >= ENOUGH]
