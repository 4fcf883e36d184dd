"""Where in a Markdown text one is: the headings above a place, and the header of the table that it is in."""

import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_PATH = 200  # characters of "Title > Section > Subsection"
MAX_HEADING = 80  # characters of each
MAX_HEADER = 200  # characters of a table's header row
BETWEEN = " > "
CODE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.M | re.S)
HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(\S[^\n]*)$", re.M)
TABLE = re.compile(r"^(\|[^\n]*)\n\|(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*\n(?:\|[^\n]*(?:\n|\Z))*", re.M)


class Mark(NamedTuple):
    """A heading (``level`` 1 to 6) or a table (0), from ``start`` up to ``end``."""

    start: int
    end: int
    level: int
    text: str


class Trail:
    """Answers for places asked from the beginning of the text to its end."""

    def __init__(self, text: str, *, title: str | None) -> None:
        self._title = _shortened(title or "", MAX_HEADING)
        self._marks = sorted(_marks(text))
        self._next = 0
        self._path: list[Mark] = []
        self._table: Mark | None = None

    def context(self, start: int, part: str) -> str:
        """Of the chunk ``part`` that begins at ``start``: what it says itself is not repeated."""
        while self._next < len(self._marks) and self._marks[self._next].start < start:
            self._pass(self._marks[self._next])
            self._next += 1
        path = self._path
        if self._next < len(self._marks) and self._marks[self._next].level:
            opening = self._marks[self._next]
            if not part[: opening.start - start].strip():  # it begins with a heading
                path = [mark for mark in path if mark.level < opening.level]
        names = [mark.text for mark in path]
        if self._title and self._title not in names and self._title not in part[: 2 * MAX_HEADING]:
            names.insert(0, self._title)
        lines = [_bounded(names)]
        if self._table is not None and self._table.start < start < self._table.end:
            lines.append(_shortened(self._table.text.strip("| \t"), MAX_HEADER))
        return "\n".join(line for line in lines if line)

    def _pass(self, mark: Mark) -> None:
        if mark.level:
            self._path = [*(one for one in self._path if one.level < mark.level), mark]
        else:
            self._table = mark


def _marks(text: str) -> Iterator[Mark]:
    spans = (
        [(code.start(), code.end()) for code in CODE.finditer(text)] if "```" in text or "~~~" in text else []
    )
    spans.append((len(text), len(text)))
    at = 0
    for start, end in spans:
        for found in HEADING.finditer(text, at, start):
            yield Mark(found.start(), found.end(), len(found[1]), _shortened(_bare(found[2]), MAX_HEADING))
        for found in TABLE.finditer(text, at, start):
            yield Mark(found.start(), found.end(), 0, found[1])
        at = end


def _bare(heading: str) -> str:
    """Without the hashes that may close it."""
    heading = heading.rstrip()
    bare = heading.rstrip("#")
    return bare if bare[-1:].isspace() else heading


def _bounded(names: list[str]) -> str:
    """The first and the nearest headings, as many as fit."""
    names = list(names)
    while len(names) > 2 and len(BETWEEN.join(names)) > MAX_PATH:
        names.pop(1)
    return BETWEEN.join(names)


def _shortened(text: str, limit: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
