"""Puts the lines of a printed page back into paragraphs: a sentence must not end where the paper did."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

MIN_LINES = 3
FULL = 0.85  # of its block's width: a line that the margin ended
# All in sizes of the font.
ALIGNED = 0.6  # edges no further apart than this are one margin
INDENT = 0.8
CLOSEST, FARTHEST = 0.95, 4.0  # distance of two lines of one paragraph
LEADING = 0.35  # above the page's usual distance of lines: a new paragraph
NARROW = 12  # a line shorter than this is a cell, a label, an item
KEPT = 3.2  # characters that Chinese takes to the next line rather than end or begin one with a mark
HALF = 0.6  # a Latin letter or digit beside Chinese
WIDE = 1.4  # a word may be this much wider than its line's letters are on average
ENDS = re.compile(r"[.!?؟:;。！？：；…][\"'”’»)\]」』]*$")
BULLET = re.compile(r"^\s*(?:[•·▪●◦*–—-]\s|\(?[\d۰-۹]{1,3}[.)]\s)")
HAN = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
UNBROKEN = re.compile(r"[^\w\s]*(?:[A-Za-z0-9][A-Za-z0-9.,:%'’/-]*|\w)[^\w\s]*")  # with its marks
LATIN = "[A-Za-z0-9]"
TIGHT = re.compile(f"{HAN.pattern}{LATIN}|{LATIN}{HAN.pattern}")
LOOSE = re.compile(f"{HAN.pattern} {LATIN}|{LATIN} {HAN.pattern}")
COMPOUND = re.compile(r"\S[-/\u2010]$")  # a hyphen or slash within a word or an address
HYPHENATED = re.compile(r"[a-zà-ÿ][-\u2010]$")


class Line(NamedTuple):
    text: str  # in reading order
    left: float  # points
    right: float
    y: float  # baseline
    size: float  # of the font
    rtl: bool
    cells: bool = False  # a row of a table: it stays a line


class Placed(NamedTuple):
    line: Line
    left: float  # margins of the block of lines it stands in
    right: float


@dataclass(frozen=True, kw_only=True)
class Paragraphs:
    """The text of one page, and what tells whether it goes on over the page's edges."""

    text: str = ""
    first: Placed | None = None
    last: Placed | None = None
    tight: bool = True  # no space between Chinese and other letters

    @classmethod
    def of_lines(cls, lines: Sequence[Line]) -> "Paragraphs":
        """The lines of a page in reading order, joined where only the margin parted them."""
        if not lines:
            return cls()
        leading = _usual_leading(lines)
        tight = mixed_tightly("\n".join(line.text for line in lines))
        placed = _placed(lines, leading)
        parts = [lines[0].text]
        for above, below in pairwise(placed):
            if leading is not None and _goes_on(above, below, leading):
                parts[-1] = joined(parts[-1], below.line.text, tight=tight)
            else:
                parts.append(below.line.text)
        if leading is None or len(parts) == len(lines):  # nothing on it says that lines go on
            return cls(text="\n".join(parts))
        return cls(text="\n".join(parts), first=placed[0], last=placed[-1], tight=tight)

    @classmethod
    def of_text(cls, text: str) -> "Paragraphs":
        return cls(text=text.strip())

    def before(self, following: "Paragraphs", *, otherwise: str) -> str:
        """What stands between this page's text and the next one's."""
        last, first = self.last, following.first
        if last is None or first is None or ENDS.search(last.line.text) or not runs_on(last, first):
            return otherwise
        return between(last.line.text, first.line.text, tight=self.tight)


def _usual_leading(lines: Sequence[Line]) -> float | None:
    """Least distance between lines in sizes of the font; None where there are too few to tell."""
    if len(lines) < MIN_LINES:
        return None
    steps = [(above.y - below.y) / above.size for above, below in pairwise(lines) if _same_size(above, below)]
    return min((step for step in steps if CLOSEST <= step <= FARTHEST), default=None)


def _placed(lines: Sequence[Line], leading: float | None) -> list[Placed]:
    """Each line with the margins of its block: lines that follow each other at the usual distance.

    A block too small or too ragged to show its margins has those of the blocks around it.
    """
    page = min(line.left for line in lines), max(line.right for line in lines)
    blocks: list[list[Line]] = [[lines[0]]]
    for above, below in pairwise(lines):
        if _one_block(above, below, leading):
            blocks[-1].append(below)
        else:
            blocks.append([below])
    edges = [(min(line.left for line in block), max(line.right for line in block)) for block in blocks]
    placed: list[Placed] = []
    for number, block in enumerate(blocks):
        around = [edges[number]]
        if not _shows_margins(block):
            near = edges[max(0, number - 1) : number + 2]
            around += [one for one in near if one[0] < edges[number][1] and edges[number][0] < one[1]]
            around += [page] if len(block) == 1 else []
        left, right = min(one for one, _ in around), max(one for _, one in around)
        placed += [Placed(line, left, right) for line in block]
    return placed


def _shows_margins(block: Sequence[Line]) -> bool:
    widths = [line.right - line.left for line in block]
    full = sum(width >= FULL * max(widths) for width in widths[:-1])
    return len(block) >= MIN_LINES and full >= 0.6 * (len(block) - 1)


def _one_block(above: Line, below: Line, leading: float | None) -> bool:
    overlap = min(above.right, below.right) - max(above.left, below.left)
    return (
        leading is not None
        and 0 < (above.y - below.y) / above.size <= leading + LEADING
        and overlap > 0.3 * min(above.right - above.left, below.right - below.left)
        and _same_size(above, below)
    )


def _same_size(one: Line, other: Line) -> bool:
    return abs(one.size - other.size) <= 0.12 * max(one.size, other.size)


def _goes_on(last: Placed, line: Placed, leading: float) -> bool:
    """Whether a line goes on with the paragraph of the one before it, below it or in the next column."""
    step = (last.line.y - line.line.y) / last.line.size
    if 0 < step <= leading + LEADING:
        return runs_on(last, line)
    beside = line.left >= last.right or line.right <= last.left
    return step < 0 and beside and not ENDS.search(last.line.text) and runs_on(last, line)


def runs_on(before: Placed, after: Placed) -> bool:
    """Whether the line ``after`` goes on with the paragraph of the line ``before``, going by its edges.

    A line ended at the margin if the first word of the next had no room on it.
    """
    last, line = before.line, after.line
    size = last.size
    if last.cells or line.cells or not _same_size(last, line) or BULLET.match(line.text):
        return False
    if max(last.right - last.left, line.right - line.left) < NARROW * size:
        return False
    room = last.left - before.left if last.rtl else before.right - last.right
    indent = after.right - line.right if last.rtl else line.left - after.left
    before_it = before.right - last.right if last.rtl else last.left - before.left
    if indent > before_it + INDENT * size and not BULLET.match(last.text):
        return False
    slack = KEPT if HAN.match(line.text) and not ENDS.search(last.text) else ALIGNED
    return room <= max(_first_word(line) * WIDE, slack * size)


def _first_word(line: Line) -> float:
    """Room that a line's beginning needs where it may not be broken, points."""
    if HAN.search(line.text[:12]):
        first = UNBROKEN.match(line.text)
        letters = first[0] if first else line.text[:1]
        return line.size * sum(1.0 if HAN.match(letter) else HALF for letter in letters)
    width = (line.right - line.left) / max(1, len(line.text))
    return (len(line.text.split(maxsplit=1)[0]) + 1) * width


def joined(text: str, line: str, *, tight: bool = True) -> str:
    """``line`` put behind ``text``; a hyphen that the margin brought goes."""
    if HYPHENATED.search(text) and line[0].islower():
        return text[:-1] + line
    return text + between(text, line, tight=tight) + line


def between(text: str, line: str, *, tight: bool) -> str:
    """The space that the end of a line stood for, if it did. ``tight``: see ``mixed_tightly``."""
    if COMPOUND.search(text):
        return ""
    han = bool(HAN.match(text[-1])) + bool(HAN.match(line[0]))
    return "" if han == 2 or (han == 1 and tight) else " "


def mixed_tightly(text: str) -> bool:
    """Whether Chinese and Latin letters or digits mostly stand side by side without a space."""
    return len(TIGHT.findall(text)) >= len(LOOSE.findall(text))
