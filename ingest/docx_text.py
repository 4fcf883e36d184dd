"""A Word document's text as its reader sees it, by python-docx: nothing hidden, deleted or only a code."""

import io
import itertools
from collections.abc import Iterator
from typing import Any

from ingest import markdown
from ingest.archive import opened, xml

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
NOTES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/{}notes"
SKIPPED = {f"{W}del", f"{W}moveFrom", f"{W}instrText", f"{W}delText", f"{W}pPr", f"{W}rPr", FALLBACK}
DEEPEST = 20  # styles that one is based on; Word knows no more than eleven
SMALLEST = 2  # half points: text of this size or less is not read
WHITE = {"FFFFFF", "FEFEFE", "FDFDFD", "FCFCFC"}


def extract_docx(content: bytes) -> tuple[str, str | None]:
    """Markdown, and the title that it gives itself."""
    from docx import Document

    opened(content).close()
    document = Document(io.BytesIO(content))
    walk = _Walk(document.styles.element)
    blocks = list(walk.blocks(document.element.body))
    for kind in ("foot", "end"):
        for relation in document.part.rels.values():
            if relation.reltype == NOTES.format(kind) and not relation.is_external:
                for note in xml(relation.target_part.blob):
                    if note.get(f"{W}type") in (None, "normal"):
                        blocks += walk.blocks(note)
    return _joined(blocks), document.core_properties.title.strip() or walk.title


def _joined(blocks: list[tuple[str, bool]]) -> str:
    """Items of a list on lines of their own, everything else set apart by a blank line."""
    parts: list[str] = []
    before = False
    for text, item in blocks:
        parts += ["\n" if before and item else "\n\n", text]
        before = item
    return "".join(parts[1:])


class _Walk:
    def __init__(self, styles: Any) -> None:
        self.title: str | None = None
        self._levels: dict[str, int] = {}  # style -> heading level, 0 for the title
        self._hidden: set[str] = set()  # styles whose text is not shown
        self._lists: set[str] = set()
        known = {style.get(f"{W}styleId"): style for style in styles.iter(f"{W}style")}
        for name, style in known.items():
            for ancestor in itertools.islice(_chain(style, known), DEEPEST):
                self._inherit(name, ancestor)

    def _inherit(self, name: str, style: Any) -> None:
        label = _value(style, "name").lower()
        level = _value(style, "pPr/outlineLvl")
        if label == "title":
            self._levels.setdefault(name, 0)
        elif level.isdigit() and int(level) < 9:
            self._levels.setdefault(name, int(level) + 1)
        elif label.startswith("heading ") and label[8:].isdigit():
            self._levels.setdefault(name, int(label[8:]))
        if label.startswith("list ") or style.find(f"{W}pPr/{W}numPr") is not None:
            self._lists.add(name)
        properties = style.find(f"{W}rPr")
        if properties is not None and _on(properties, "vanish"):
            self._hidden.add(name)

    def blocks(self, parent: Any) -> Iterator[tuple[str, bool]]:
        """Markdown of each block, and whether it is an item of a list."""
        for child in parent:
            if child.tag == f"{W}p":
                yield from self._paragraph(child)
            elif child.tag == f"{W}tbl":
                yield markdown.table(self._rows(child)), False
            elif child.tag not in SKIPPED and isinstance(child.tag, str) and len(child):
                yield from self.blocks(child)  # content controls, insertions

    def _paragraph(self, paragraph: Any) -> Iterator[tuple[str, bool]]:
        text = "\n".join(
            " ".join(part.split()) for part in "".join(self._words(paragraph)).split("\n")
        ).strip()
        properties = paragraph.find(f"{W}pPr")
        style = _value(properties, "pStyle")
        own = _value(properties, "outlineLvl")
        level = int(own) + 1 if own.isdigit() and int(own) < 9 else self._levels.get(style)
        if not text:
            pass
        elif level is not None:
            if level == 0 and self.title is None:
                self.title = markdown.line(text)
            yield markdown.heading(level or 1, text), False
        elif style in self._lists or (properties is not None and properties.find(f"{W}numPr") is not None):
            depth = _value(properties, "numPr/ilvl")
            yield f"{'  ' * min(int(depth), 8) if depth.isdigit() else ''}- {text}", True
        else:
            yield text, False
        for box in paragraph.iter(f"{W}txbxContent"):
            if next(box.iterancestors(FALLBACK, f"{W}txbxContent"), None) is None:
                yield from self.blocks(box)

    def _rows(self, table: Any) -> Iterator[list[str]]:
        for row in table.iter(f"{W}tr"):
            if next(row.iterancestors(f"{W}tbl")) is not table:
                continue  # a table in a cell is part of the cell
            cells: list[str] = []
            for cell in row.iter(f"{W}tc"):
                if next(cell.iterancestors(f"{W}tr")) is not row:
                    continue
                merged = cell.find(f"{W}tcPr/{W}vMerge")
                follows = merged is not None and merged.get(f"{W}val") != "restart"
                cells.append(
                    "" if follows else " ".join("".join(self._words(one)) for one in cell.iter(f"{W}p"))
                )
                span = _value(cell, "tcPr/gridSpan")
                cells += [""] * (min(int(span), 64) - 1 if span.isdigit() else 0)
            yield cells

    def _words(self, element: Any) -> Iterator[str]:
        for child in element:
            tag = child.tag
            if tag in SKIPPED or tag == f"{W}txbxContent":
                continue
            if tag == f"{W}r" and self._unseen(child):
                continue
            if tag in (f"{W}t", MATH):
                yield child.text or ""
            elif tag in (f"{W}tab", f"{W}ptab"):
                yield "\t"
            elif tag in (f"{W}br", f"{W}cr"):
                yield "\n"
            elif tag == f"{W}noBreakHyphen":
                yield "-"
            else:
                yield from self._words(child)

    def _unseen(self, run: Any) -> bool:
        properties = run.find(f"{W}rPr")
        paragraph = next(run.iterancestors(f"{W}p"), None)
        style = _value(paragraph, "pPr/pStyle") if paragraph is not None else ""
        if properties is None:
            return style in self._hidden
        if properties.find(f"{W}vanish") is None and {style, _value(properties, "rStyle")} & self._hidden:
            return True
        if _on(properties, "vanish") or _on(properties, "webHidden"):
            return True
        size = _value(properties, "sz")
        if size.isdigit() and int(size) <= SMALLEST:
            return True
        colour = properties.find(f"{W}color")
        white = colour is not None and (
            colour.get(f"{W}val", "").upper() in WHITE
            or colour.get(f"{W}themeColor") in ("background1", "light1")
        )
        return white and not _shaded(run)


def _chain(style: Any, known: dict[str, Any]) -> Iterator[Any]:
    """A style and what it is based on, the nearest first."""
    seen: set[str] = set()
    while style is not None and style.get(f"{W}styleId") not in seen:
        yield style
        seen.add(style.get(f"{W}styleId"))
        style = known.get(_value(style, "basedOn"))


def _value(element: Any, path: str) -> str:
    found = element.find("/".join(W + part for part in path.split("/"))) if element is not None else None
    return found.get(f"{W}val", "") if found is not None else ""


def _on(properties: Any, name: str) -> bool:
    found = properties.find(W + name)
    return found is not None and found.get(f"{W}val", "true") not in ("false", "0", "off")


def _shaded(run: Any) -> bool:
    """Whether the run lies on a ground of its own, on which white can be read."""
    if run.find(f"{W}rPr/{W}highlight") is not None:
        return True
    grounds = [run.find(f"{W}rPr/{W}shd")]
    for ancestor in run.iterancestors(f"{W}p", f"{W}tc", f"{W}tbl", f"{W}txbxContent"):
        if ancestor.tag == f"{W}txbxContent":
            return True  # a shape, whose fill we do not look up
        grounds += [ancestor.find(f"{W}{name}/{W}shd") for name in ("pPr", "tcPr", "tblPr")]
        if ancestor.tag == f"{W}tbl" and ancestor.find(f"{W}tblPr/{W}tblStyle") is not None:
            return True  # its style may colour the row
    fills = [ground.get(f"{W}fill", "auto").upper() for ground in grounds if ground is not None]
    return any(fill not in ("AUTO", *WHITE) for fill in fills)
