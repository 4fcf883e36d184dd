"""Columns of a page, found as white space that runs down between them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

WHITE = 0.9  # least width of a gutter, in sizes of the font
CROSSED = 0.15  # share of the rows that may cross it: headings, running titles
ROWS = 6  # fewest rows that a column has
LETTERS = 12  # fewest glyphs that the usual row of a column has; a table's cells have fewer


def gutters(spans: Sequence[Sequence[tuple[float, float]]], size: float) -> list[float]:
    """Middles of the gutters from left to right, in points.

    ``spans`` holds for each row of the page the left and right edges of its glyphs, from left to right.
    """
    if len(spans) < ROWS or size <= 0:
        return []
    left = min(span[0] for row in spans for span in row)
    right = max(span[1] for row in spans for span in row)
    count = int(right - left) + 1
    if count < 10 * size or count > 20_000:
        return []
    cover = np.zeros((len(spans), count), bool)
    for number, row in enumerate(spans):
        last: float | None = None
        for begin, end in row:
            # A word space is no white space: it is filled, a gutter is not.
            first = int(begin - left) if last is None or begin - last > WHITE * size else int(last - left)
            cover[number, max(0, first) : int(end - left) + 1] = True
            last = end if last is None else max(last, end)
    free = cover.mean(axis=0) <= CROSSED
    found: list[float] = []
    start: int | None = None
    for place in range(count + 1):
        if place < count and free[place]:
            start = place if start is None else start
        elif start is not None:
            if place - start >= WHITE * size and start > 0 and place < count:
                found.append(left + (start + place) / 2)
            start = None
    return found if _are_columns(spans, found) else []


def _are_columns(spans: Sequence[Sequence[tuple[float, float]]], found: list[float]) -> bool:
    edges = [float("-inf"), *found, float("inf")]
    for begin, end in pairwise(edges):
        counts = [
            inside for row in spans if (inside := sum(begin < (one[0] + one[1]) / 2 < end for one in row))
        ]
        if len(counts) < ROWS or float(np.median(counts)) < LETTERS:
            return False
    return bool(found)
