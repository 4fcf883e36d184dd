"""What extraction takes and gives."""

from dataclasses import dataclass, field

from ingest.kinds import Kind


@dataclass(frozen=True, kw_only=True)
class Limits:
    pages: int
    chars: int
    ocr: bool = True  # whether pictures of text are read, where Tesseract is installed


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """``page_starts`` are code-point offsets into ``text``; None where there are no pages. ``unread_pages``
    are the numbers, from 1, of pages that show something which could not be read."""

    text: str
    title: str | None
    kind: Kind
    page_starts: list[int] | None = None
    unread_pages: list[int] = field(default_factory=list)
