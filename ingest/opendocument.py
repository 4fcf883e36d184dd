"""OpenDocument texts and presentations; what is hidden, deleted or a comment is left out."""

from collections.abc import Iterator
from typing import Any

from indexes.errors import UnreadableDocument
from ingest import markdown
from ingest.archive import opened, xml

NAMES = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
TEXT, TABLE, DRAW, OFFICE = (NAMES % name for name in ("text", "table", "drawing", "office"))
STYLE, FO = NAMES % "style", NAMES % "xsl-fo-compatible"
SKIPPED = {
    *(f"{OFFICE}annotation", f"{TEXT}tracked-changes", f"{TEXT}hidden-text", f"{TEXT}hidden-paragraph"),
    *(f"{TEXT}sequence-decls", f"{TEXT}note-citation", f"{OFFICE}forms", f"{TEXT}table-of-content"),
}
MAX_REPEAT = 64  # of a cell: spreadsheets pad their rows to the edge of the world


def extract_opendocument(content: bytes) -> tuple[str, str | None]:
    """Markdown, and the title that it gives itself."""
    with opened(content) as archive:
        parts = archive.namelist()
        if "META-INF/manifest.xml" in parts and b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise UnreadableDocument("it is encrypted: remove its password first", code="encrypted_document")
        root = xml(archive.read("content.xml"))
        titles = list(xml(archive.read("meta.xml")).iter("{*}title")) if "meta.xml" in parts else []
    title = markdown.line(titles[0].text or "") if titles else ""
    body = root.find(f"{OFFICE}body")
    return "" if body is None else _Walk(root).markdown(body), title or None


class _Walk:
    def __init__(self, root: Any) -> None:
        self._hidden = {
            style.get(f"{STYLE}name")
            for style in root.iter(f"{STYLE}style")
            for properties in style.iter(f"{STYLE}text-properties")
            if properties.get(f"{TEXT}display") == "none"
            or properties.get(f"{FO}font-size") in ("0pt", "1pt")
        }
        self._slide = 0

    def markdown(self, body: Any) -> str:
        parts: list[str] = []
        before = False
        for text, item in self._blocks(body, 0):
            if text:
                parts += ["\n" if before and item else "\n\n", text]
                before = item
        return "".join(parts[1:])

    def _blocks(self, parent: Any, depth: int) -> Iterator[tuple[str, bool]]:
        """Markdown of each block, and whether it is an item of a list."""
        for child in parent:
            if child.tag in SKIPPED or not isinstance(child.tag, str):
                continue
            if child.tag == f"{TEXT}h":
                level = child.get(f"{TEXT}outline-level", "1")
                yield markdown.heading(int(level) if level.isdigit() else 1, self._words(child)), False
            elif child.tag == f"{TEXT}p":
                yield self._item(self._words(child), depth)
                for box in child.iter(f"{DRAW}text-box"):
                    yield from self._blocks(box, 0)
            elif child.tag == f"{TEXT}list":
                for item in child:
                    yield from self._blocks(item, depth + 1)
            elif child.tag == f"{TABLE}table":
                yield markdown.table(self._rows(child)), False
            else:
                if child.tag == f"{DRAW}page":
                    self._slide += 1
                    yield markdown.heading(2, f"Slide {self._slide}"), False
                yield from self._blocks(child, depth)

    def _item(self, text: str, depth: int) -> tuple[str, bool]:
        text = "\n".join(" ".join(part.split()) for part in text.split("\n")).strip()
        return (f"{'  ' * (depth - 1)}- {text}", True) if depth and text else (text, False)

    def _rows(self, table: Any) -> Iterator[list[str]]:
        for row in table.iter(f"{TABLE}table-row"):
            cells: list[str] = []
            for cell in row:
                if cell.tag not in (f"{TABLE}table-cell", f"{TABLE}covered-table-cell"):
                    continue
                times = cell.get(f"{TABLE}number-columns-repeated", "1")
                text = " ".join(self._words(part) for part in cell.iter(f"{TEXT}p", f"{TEXT}h"))
                cells += [text] * min(int(times) if times.isdigit() else 1, MAX_REPEAT)
            yield cells

    def _words(self, element: Any) -> str:
        if element.get(f"{TEXT}style-name") in self._hidden:
            return ""
        parts = [element.text or ""]
        for child in element:
            if child.tag == f"{TEXT}s":
                parts.append(" ")
            elif child.tag == f"{TEXT}tab":
                parts.append("\t")
            elif child.tag == f"{TEXT}line-break":
                parts.append("\n")
            elif child.tag not in SKIPPED and child.tag != f"{DRAW}frame" and isinstance(child.tag, str):
                parts.append(self._words(child))
            parts.append(child.tail or "")
        return "".join(parts)
