"""The text of one page, read by what its script asks for."""

import math
from dataclasses import dataclass, field
from typing import Any

from ingest.bidi import RTL
from ingest.hidden import clean
from ingest.letters import typed
from ingest.pdf_glyphs import glyphs
from ingest.pdf_lines import lines
from ingest.pdfium import Layer
from ingest.reflow import Line, Paragraphs

IMAGE = 3  # FPDF_PAGEOBJ_IMAGE
PICTURED = 0.05  # share of a page that a picture covers for the page to count as scanned
HYPHEN_AT_END = 2  # PDFium's code for it
HYPHENS = {"\xad": "-", "\ufffe": "-"}


@dataclass(frozen=True, kw_only=True)
class Page:
    paragraphs: Paragraphs = field(default_factory=Paragraphs)
    scanned: bool = False  # it shows a picture and holds no text
    failure: str | None = None

    @property
    def text(self) -> str:
        return self.paragraphs.text


def read(page: Any) -> Page:
    """``page`` is a ``pypdfium2.PdfPage``. Right-to-left pages are rebuilt from their glyphs; for others
    PDFium's own order and spaces hold. Raises PdfiumError."""
    layer = Layer(page)
    try:
        codes = layer.codes()
        if RTL.search("".join(chr(code) for code in codes if code <= 0xFFFF)):
            found = lines(glyphs(layer))
        else:
            found = _lines(layer, codes)
    finally:
        layer.close()
    cleaned = (line._replace(text=clean(typed(line.text)).strip()) for line in found)
    paragraphs = Paragraphs.of_lines([line for line in cleaned if line.text])
    return Page(paragraphs=paragraphs, scanned=not paragraphs.text and _pictured(page))


def _lines(layer: Layer, codes: list[int]) -> list[Line]:
    """PDFium's lines, with their places."""
    found: list[Line] = []
    letters: list[str] = []
    first = last = -1
    for number, code in enumerate([*codes, 10]):
        letter = _letter(code)
        if code == HYPHEN_AT_END:  # PDFium has left the line's end out behind it
            letters.append("-")
            last = number
        if code in (10, 13, HYPHEN_AT_END):
            if letters and first >= 0:
                found.append(_line(layer, "".join(letters), first, last))
            letters, first = [], -1
            continue
        letters.append(letter)
        if letter and not letter.isspace():
            first, last = (number if first < 0 else first), number
    return found


def _letter(code: int) -> str:
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        return ""
    letter = chr(code)
    return HYPHENS.get(letter, letter)


def _line(layer: Layer, text: str, first: int, last: int) -> Line:
    left, right = layer.box(first), layer.box(last)
    _x, y = layer.origin(first)
    size = layer.size(first) or max(1.0, left[1] - left[3])
    if not all(map(math.isfinite, (*left, *right, y, size))):
        left = right = (0.0, 0.0, 0.0, 0.0)
    return Line(
        text=" ".join(text.split()),
        left=min(left[0], right[0]),
        right=max(left[2], right[2]),
        y=y,
        size=size,
        rtl=False,
    )


def _pictured(page: Any) -> bool:
    from pypdfium2 import PdfImage

    width, height = page.get_size()
    for found in page.get_objects(filter=[IMAGE], max_depth=4):
        if isinstance(found, PdfImage):
            left, bottom, right, top = found.get_bounds()
            if abs((right - left) * (top - bottom)) > PICTURED * width * height:
                return True
    return False
