"""The text of one page, read by what its script asks for."""

import math
import re
from dataclasses import dataclass, field
from typing import Any

from ingest.bidi import RTL
from ingest.hidden import clean
from ingest.letters import typed
from ingest.pdf_glyphs import glyphs
from ingest.pdf_lines import lines
from ingest.pdfium import Layer
from ingest.reflow import Line, Paragraphs

CROWDED = 60_000  # letters of a page that is not rebuilt: a newspaper's has half as many
IMAGE = 3  # FPDF_PAGEOBJ_IMAGE
PICTURED = 0.05  # share of a page that a picture covers for the page to count as scanned
# PDFium writes a hyphen at a line's end as 2, and leaves the line's end out behind it.
LINE = re.compile("[^\r\n\x02]+\x02?")
UNMAPPED = re.compile("[\x00-\x08\x0e-\x1f\ufffd\ue000-\uf8ff]")
GARBLED = 0.3  # share of such letters from which a line or page is not taken for text
HYPHENS = {2: "-", 0xAD: "-", 0xFFFE: "-"}


@dataclass(frozen=True, kw_only=True)
class Page:
    paragraphs: Paragraphs = field(default_factory=Paragraphs)
    scanned: bool = False  # what it shows is not, or not all, in its text
    failure: str | None = None

    @property
    def text(self) -> str:
        return self.paragraphs.text


def read(page: Any) -> Page:
    """``page`` is a ``pypdfium2.PdfPage``. Right-to-left pages are rebuilt from their glyphs; for others
    PDFium's own order and spaces hold. Raises PdfiumError."""
    layer = Layer(page)
    try:
        text = "".join(map(chr, layer.codes()))  # one letter a character, whatever it is worth
        garbled = _unmapped(text)
        rebuilt = lines(glyphs(layer)) if RTL.search(text) and len(text) <= CROWDED else None
        found = _lines(layer, text) if rebuilt is None else rebuilt
    finally:
        layer.close()
    cleaned = (line._replace(text=clean(typed(line.text)).strip()) for line in found)
    paragraphs = Paragraphs.of_lines([line for line in cleaned if line.text])
    return Page(paragraphs=paragraphs, scanned=garbled or (not paragraphs.text and _pictured(page)))


def _unmapped(text: str) -> bool:
    """Whether the file does not say which letters much of ``text`` is: codes of glyphs stand for them."""
    return len(UNMAPPED.findall(text)) > GARBLED * len("".join(text.split()))


def _lines(layer: Layer, text: str) -> list[Line]:
    """PDFium's lines, with their places."""
    found: list[Line] = []
    for match in LINE.finditer(text):
        line = match[0].rstrip()
        first = match.start() + len(line) - len(line.lstrip())
        if line and not _unmapped(line.removesuffix("\x02")):
            found.append(_line(layer, line.translate(HYPHENS), first, match.start() + len(line) - 1))
    return found


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
