"""Rows of glyphs: what stands on one baseline, in the order in which the rows are read."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ingest.pdf_glyphs import GLUE, Glyph

# All in sizes of the font.
STEP_UP = 1.1  # a cluster of Nastaliq stands this much above the next of its word
STEP_ASIDE = 1.5  # the widest space within a run
APART = 0.7  # the widest space between two runs of one line
SAME_LINE = 0.35  # difference of baselines


class Row(NamedTuple):
    glyphs: list[Glyph]  # from left to right
    y: float
    size: float
    order: int


def runs(glyphs: list[Glyph]) -> list[list[Glyph]]:
    """Glyphs that stand side by side in the file and on the page."""
    runs: list[list[Glyph]] = []
    last: Glyph | None = None
    for glyph in glyphs:
        size = max(glyph.size, 1.0)
        if (
            last is not None
            and abs(glyph.y - last.y) <= STEP_UP * size
            and max(glyph.left - last.right, last.left - glyph.right) <= STEP_ASIDE * size
        ):
            runs[-1].append(glyph)
        else:
            runs.append([glyph])
        last = glyph
    return runs


def _baseline(run: list[Glyph]) -> float:
    """Where most of its glyphs stand."""
    return Counter(round(glyph.y * 2) / 2 for glyph in run).most_common(1)[0][0]


def spans(runs: list[list[Glyph]], size: float) -> list[list[tuple[float, float]]]:
    rows: dict[int, list[tuple[float, float]]] = {}
    for run in runs:
        row = rows.setdefault(round(_baseline(run) / (0.5 * size)), [])
        row += [(glyph.left, glyph.right) for glyph in run if not glyph.text.isspace()]
    return [sorted(row) for row in rows.values() if row]


def cut(run: list[Glyph], cuts: list[float]) -> Iterable[list[Glyph]]:
    """A run, apart where a gutter goes through it and nothing is drawn there."""
    if not cuts:
        return [run]
    parts: dict[int, list[Glyph]] = {}
    for glyph in run:
        middle = (glyph.left + glyph.right) / 2
        parts.setdefault(sum(middle > cut for cut in cuts), []).append(glyph)
    if len(parts) > 1 and any(_crosses(run, cut) for cut in cuts):
        return [run]
    return parts.values()


def _crosses(run: list[Glyph], cut: float) -> bool:
    before = [glyph.right for glyph in run if glyph.right <= cut]
    after = [glyph.left for glyph in run if glyph.left >= cut]
    if any(glyph.left < cut < glyph.right for glyph in run):
        return True
    return bool(before and after) and min(after) - max(before) < 0.8 * run[0].size


def rows(runs: list[list[Glyph]]) -> list[Row]:
    """Runs put together to lines; each line keeps the place of its first run in the file."""
    rows: list[Row] = []
    by_height: dict[int, list[int]] = {}
    for run in runs:
        if all(glyph.text.isspace() or glyph.text in GLUE for glyph in run) and len(run) > 1:
            continue
        y, size = _baseline(run), max(float(np.median([glyph.size for glyph in run])), 1.0)
        left, right = min(glyph.left for glyph in run), max(glyph.right for glyph in run)
        cell = round(y / size)
        joined = None
        for place in (place for near in (0, -1, 1) for place in by_height.get(cell + near, ())):
            row = rows[place]
            gap = max(left - row.glyphs[-1].right, row.glyphs[0].left - right)
            if abs(row.y - y) <= SAME_LINE * min(size, row.size) and gap <= APART * size:
                joined = place
                break
        ordered = _ordered(run)
        if joined is None:
            by_height.setdefault(cell, []).append(len(rows))
            rows.append(Row(ordered, y, size, run[0].order))
        else:
            row = rows[joined]
            merged = sorted([*row.glyphs, *ordered], key=lambda glyph: glyph.x)
            rows[joined] = row._replace(
                glyphs=merged if _mixed(row.glyphs, ordered) else _apart(row, ordered)
            )
    return rows


def _mixed(one: list[Glyph], other: list[Glyph]) -> bool:
    return not (one[-1].x <= other[0].x or other[-1].x <= one[0].x)


def _apart(row: Row, run: list[Glyph]) -> list[Glyph]:
    return [*row.glyphs, *run] if row.glyphs[-1].x <= run[0].x else [*run, *row.glyphs]


def _ordered(run: list[Glyph]) -> list[Glyph]:
    """From left to right. Where the file goes to the right too, its order settles what overlaps."""
    rightward = sum(after.x > before.x for before, after in pairwise(run))
    if rightward < len(run) // 2:
        return sorted(run, key=lambda glyph: (glyph.x, -glyph.order))
    keyed, furthest = [], -np.inf
    for glyph in run:
        if glyph.x < furthest - STEP_UP * glyph.size:
            furthest = glyph.x  # it really goes back
        furthest = max(furthest, glyph.x)
        keyed.append((furthest, glyph))
    return [glyph for _, glyph in sorted(keyed, key=lambda one: one[0])]


def in_order(rows: list[Row], cuts: list[float], rtl: bool) -> list[Row]:
    """Down each column, the one that is read first before the next; what spans them all keeps its height."""
    if not cuts:
        ups = sum(after.y > before.y + after.size for before, after in pairwise(rows))
        if ups > 0.2 * len(rows):  # the file follows no order that a reader would
            return sorted(
                rows, key=lambda row: (-row.y, -row.glyphs[-1].right if rtl else row.glyphs[0].left)
            )
        return rows
    across = [row for row in rows if any(row.glyphs[0].left < cut < row.glyphs[-1].right for cut in cuts)]
    heights = sorted((row.y for row in across), reverse=True)

    def place(row: Row) -> tuple[int, int, float]:
        band = 2 * sum(height > row.y for height in heights)
        if row in across:
            return band + 1, 0, -row.y
        middle = (row.glyphs[0].left + row.glyphs[-1].right) / 2
        column = sum(middle > cut for cut in cuts)
        return band + (2 if row.y in heights else 0), -column if rtl else column, -row.y

    return sorted(rows, key=place)
