"""A presentation's text slide by slide, by python-pptx; hidden slides and shapes are left out."""

import io
from collections.abc import Iterator
from typing import Any

from ingest import markdown
from ingest.archive import opened

SMALLEST = 100  # hundredths of a point: text of this size or less is not read
DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


def extract_pptx(content: bytes) -> tuple[str, str | None]:
    """Markdown with a heading a slide, and the title that it gives itself."""
    from pptx import Presentation

    opened(content).close()
    deck = Presentation(io.BytesIO(content))
    size = (deck.slide_width or 0, deck.slide_height or 0)
    blocks: list[str] = []
    for number, slide in enumerate(deck.slides, 1):
        if slide._element.get("show") in ("0", "false"):
            continue
        blocks += _slide(slide, number, size)
    return markdown.join(blocks), deck.core_properties.title.strip() or None


def _slide(slide: Any, number: int, size: tuple[int, int]) -> list[str]:
    title = slide.shapes.title
    named = markdown.line(_seen(title.text_frame)) if title is not None else ""
    blocks: list[str] = []
    for shape in _ordered(slide.shapes):
        same = title is not None and shape.shape_id == title.shape_id
        if not same and not _out_of_sight(shape, size):
            blocks += _shape(shape)
    notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    if notes is not None and notes.text.strip():
        blocks.append(f"Notes: {_seen(notes).strip()}")
    if named or any(blocks):
        return [markdown.heading(2, f"Slide {number}: {named}" if named else f"Slide {number}"), *blocks]
    return []


def _ordered(shapes: Any) -> list[Any]:
    """From top to bottom, as a slide is read."""
    return sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0))


def _out_of_sight(shape: Any, size: tuple[int, int]) -> bool:
    named = next(shape._element.iter("{*}cNvPr"), None)
    if named is not None and named.get("hidden") in ("1", "true"):
        return True
    if None in (shape.left, shape.top, shape.width, shape.height) or not all(size):
        return False
    return bool(
        shape.left >= size[0]
        or shape.top >= size[1]
        or shape.left + shape.width < 0
        or shape.top + shape.height < 0
    )


def _shape(shape: Any) -> Iterator[str]:
    if hasattr(shape, "shapes"):
        for one in _ordered(shape.shapes):
            yield from _shape(one)
    elif getattr(shape, "has_table", False):
        yield markdown.table([[_seen(cell.text_frame) for cell in row.cells] for row in shape.table.rows])
    elif getattr(shape, "has_chart", False):
        yield from _chart(shape.chart)
    elif shape.has_text_frame:
        listed = shape.is_placeholder and len(shape.text_frame.paragraphs) > 1
        lines = [
            (f"{'  ' * paragraph.level}- " if listed else "") + text
            for paragraph in shape.text_frame.paragraphs
            if (text := " ".join(_paragraph(paragraph).split()))
        ]
        yield ("\n" if listed else "\n\n").join(lines)


def _chart(chart: Any) -> Iterator[str]:
    if chart.has_title and chart.chart_title.has_text_frame:
        yield chart.chart_title.text_frame.text
    for plot in chart.plots:
        series = list(plot.series)
        rows = zip(plot.categories, *(one.values for one in series), strict=False)
        yield markdown.table(
            [["", *(str(one.name) for one in series)], *([str(cell) for cell in row] for row in rows)]
        )


def _seen(frame: Any) -> str:
    return "\n".join(_paragraph(paragraph) for paragraph in frame.paragraphs)


def _paragraph(paragraph: Any) -> str:
    parts = []
    for child in paragraph._p:
        if child.tag == f"{DRAWING}br":
            parts.append("\n")
        elif child.tag in (f"{DRAWING}r", f"{DRAWING}fld"):
            properties = child.find(f"{DRAWING}rPr")
            size = properties.get("sz", "") if properties is not None else ""
            if not (size.isdigit() and int(size) <= SMALLEST):
                parts.append(child.findtext(f"{DRAWING}t") or "")
    return "".join(parts)
