"""An lxml tree, of HTML or as trafilatura leaves it, to Markdown: everything that is in it, in its order."""

import re
from collections.abc import Iterator
from typing import Any

from ingest import markdown

HEADINGS = {f"h{level}": level for level in range(1, 7)}
UNREAD = {
    *("script", "style", "template", "noscript", "title", "iframe", "object", "svg", "math"),
    *("select", "option", "textarea", "input", "audio", "video", "canvas", "map", "graphic"),
}
BREAKS = {"br", "lb"}
ITEMS = {"li", "item"}
LISTS = {"ul", "ol", "list", "menu", "dir"}
CELLS = {"td", "th", "cell"}
ROWS = {"tr", "row"}
BLOCKS = {
    *(
        "p",
        "div",
        "section",
        "article",
        "main",
        "header",
        "footer",
        "nav",
        "aside",
        "address",
        "body",
        "html",
    ),
    *(
        "blockquote",
        "quote",
        "figure",
        "figcaption",
        "details",
        "summary",
        "fieldset",
        "legend",
        "form",
        "dl",
    ),
    *("dt", "dd", "center", "hr", "ab", "comments", "caption", "tbody", "thead", "tfoot", "hgroup", "dialog"),
}
LAYOUT = 400  # characters: a cell that holds more lays a page out
SPACES = re.compile(r"[ \t\r\f\v\n]+")


def to_markdown(tree: Any) -> str:
    writer = _Writer()
    writer.walk(tree)
    writer.end_block()
    return writer.text()


class _Writer:
    def __init__(self) -> None:
        self._blocks: list[tuple[str, bool]] = []  # text, and whether it belongs to the list before it
        self._inline: list[str] = []
        self._marks: list[str] = []  # of the list items that we are in, the innermost last
        self._numbers: dict[Any, int] = {}  # of an ordered list's items so far
        self._fresh = False  # whether the innermost mark is still to be written

    def text(self) -> str:
        parts: list[str] = []
        tight = False
        for text, item in self._blocks:
            parts += ["\n" if item and tight else "\n\n", text]
            tight = item
        return "".join(parts[1:])

    def walk(self, element: Any) -> None:
        tag = element.tag
        if not isinstance(tag, str):
            return
        tag = tag.rpartition("}")[2].lower()
        if tag in UNREAD or (tag == "head" and "rend" not in element.attrib):
            return
        level = HEADINGS.get(tag) or (int(element.get("rend", "h2")[1:] or 2) if tag == "head" else 0)
        if level:
            self._heading(level, element)
        elif tag in BREAKS:
            self._inline.append("\n")
        elif tag in ITEMS:
            self._item(element)
        elif tag == "table":
            self._table(element)
        elif tag == "pre" or (tag == "code" and "\n" in "".join(element.itertext()).strip()):
            self.end_block()
            self._add(markdown.fence(_raw(element)))
        elif tag == "img":
            self._inline.append(f" {element.get('alt', '')} ")
        elif tag in BLOCKS or tag in LISTS or tag in CELLS or tag in ROWS:
            self.end_block()
            self._children(element)
            self.end_block()
        else:
            self._children(element)

    def end_block(self) -> None:
        lines = (SPACES.sub(" ", line).strip() for line in "".join(self._inline).split("\n"))
        self._inline.clear()
        text = "\n".join(line for line in lines if line)
        if text:
            self._add(text)

    def _add(self, text: str) -> None:
        if not text:
            return
        if self._marks:
            indent = "  " * (len(self._marks) - 1)
            mark = self._marks[-1] if self._fresh else "  "
            text = indent + mark + text.replace("\n", f"\n{indent}  ")
            self._fresh = False
        self._blocks.append((text, bool(self._marks)))

    def _children(self, element: Any) -> None:
        self._inline.append(_spaced(element.text))
        for child in element:
            self.walk(child)
            self._inline.append(_spaced(child.tail))

    def _heading(self, level: int, element: Any) -> None:
        self.end_block()
        text = markdown.heading(level, "".join(_words(element)))
        if text:
            marks, self._marks = self._marks, []
            self._add(text)
            self._marks = marks

    def _item(self, element: Any) -> None:
        self.end_block()
        parent = element.getparent()
        if parent is not None and (parent.tag == "ol" or parent.get("rend") == "ol"):
            self._numbers[parent] = self._numbers.get(parent, 0) + 1
            self._marks.append(f"{self._numbers[parent]}. ")
        else:
            self._marks.append("- ")
        self._fresh = True
        self._children(element)
        self.end_block()
        self._marks.pop()
        self._fresh = False

    def _table(self, element: Any) -> None:
        self.end_block()
        rows = [
            [cell for cell in row if _name(cell) in CELLS] for row in element.iter() if _name(row) in ROWS
        ]
        cells = [["".join(_words(cell)) for cell in row] for row in rows]
        if _lays_out(element, cells):
            self._children(element)
            self.end_block()
            return
        for caption in element.iterchildren("caption"):
            self._add(markdown.line("".join(_words(caption))))
        self._add(markdown.table(cells))


def _lays_out(table: Any, cells: list[list[str]]) -> bool:
    """Whether a table arranges a page and holds no data."""
    if table.get("role") in ("presentation", "none") or max(map(len, cells), default=0) < 2:
        return True
    nested = any(_name(one) == "table" for one in table.iterdescendants())
    return nested or any(len(cell) > LAYOUT and len(row) < 4 for row in cells for cell in row)


def _words(element: Any) -> Iterator[str]:
    """Text of an element and its descendants, its blocks and breaks set apart by spaces."""
    if element.text:
        yield element.text
    for child in element:
        name = _name(child)
        if name and name not in UNREAD:
            apart = name in BLOCKS or name in BREAKS or name in ITEMS or name in CELLS or name in HEADINGS
            if apart:
                yield " "
            if name == "img":
                yield f" {child.get('alt', '')} "
            yield from _words(child)
            if apart:
                yield " "
        if child.tail:
            yield child.tail


def _raw(element: Any) -> str:
    for br in element.iter("br", "lb"):
        br.tail = "\n" + (br.tail or "")
    return "".join(element.itertext())


def _name(element: Any) -> str:
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def _spaced(text: str | None) -> str:
    """Line ends of the source are spaces on the page."""
    return SPACES.sub(" ", text) if text else ""
