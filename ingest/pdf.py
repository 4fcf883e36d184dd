"""Text of a PDF's pages: PDFium finds the letters, and pypdf reads what PDFium cannot open."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from indexes.errors import UnreadableDocument
from ingest.hidden import clean
from ingest.letters import typed
from ingest.ocr import INSTALL, Ocr, pdf_page_text
from ingest.pdf_page import Page, read
from ingest.records import Extracted, Limits
from ingest.reflow import Paragraphs

PAGE_BREAK = "\n\n"
ENCRYPTED = "it is encrypted: remove its password first"
SCANNED = (
    f"it is a scan: its pages hold no text, or none that says which letters it is. {INSTALL}, or send a PDF "
    "with text"
)


def extract_pdf(source: bytes | Path, limits: Limits, ocr: Ocr | None = None) -> Extracted:
    """Raises UnreadableDocument: encrypted_pdf, corrupt_pdf, empty_pdf, too_many_pages, scanned, no_text.

    ``ocr`` reads pages that are pictures, or whose fonts name no letters; without it such pages keep what
    can be read of them and are named, and a document with nothing to read is refused.
    """
    try:
        with _opened(source) as document:
            pages, title = _pages(document, limits, ocr), document.get_metadata_value("Title")
    except _NotForPdfium as refusal:
        pages, title = _read_by_pypdf(source, limits, refusal)
    if not any(page.text for page in pages):
        _refuse(pages)
    text, starts = _put_together(pages)
    return Extracted(
        text=text,
        title=typed(clean(title or "")).strip() or None,
        kind="pdf",
        page_starts=starts,
        unread_pages=[number for number, page in enumerate(pages, 1) if page.scanned or page.failure],
    )


class _NotForPdfium(Exception):
    """PDFium cannot open it."""


@contextmanager
def _opened(source: bytes | Path) -> Iterator[Any]:
    """A ``pypdfium2.PdfDocument``."""
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        document = PdfDocument(source)
    except PdfiumError as error:
        raise _NotForPdfium(str(error)) from error
    try:
        yield document
    finally:
        document.close()


def _pages(document: Any, limits: Limits, ocr: Ocr | None) -> list[Page]:
    from pypdfium2 import PdfiumError

    count = len(document)
    _check_count(count, limits)
    pages: list[Page] = []
    size = 0
    for number in range(count):
        try:
            loaded = document[number]
        except PdfiumError as error:
            pages.append(Page(failure=str(error)))
            continue
        try:
            page = read(loaded)
            if page.scanned and ocr is not None:
                seen = Paragraphs.of_text(clean(pdf_page_text(loaded, ocr)))
                page = Page(paragraphs=seen if seen.text else page.paragraphs)
        except PdfiumError as error:
            page = Page(failure=str(error))
        finally:
            loaded.close()
        pages.append(page)
        size += len(page.text)
        if size > limits.chars:
            break  # the caller refuses it for its size
    return pages


def _read_by_pypdf(source: bytes | Path, limits: Limits, refusal: Exception) -> tuple[list[Page], str | None]:
    """Pages and title of a file that PDFium cannot open, for what is wrong with it or for its encryption."""
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its warnings about broken files are ours to give
    try:
        reader = PdfReader(io.BytesIO(source) if isinstance(source, bytes) else source, strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableDocument(ENCRYPTED, code="encrypted_pdf")
        count = len(reader.pages)
    except UnreadableDocument:
        raise
    except Exception as error:
        raise _corrupt(f"{refusal}; {error}") from error
    _check_count(count, limits)
    pages: list[Page] = []
    for number in range(count):
        try:
            text = typed(reader.pages[number].extract_text())
        except Exception as error:  # noqa: BLE001  one broken page must not cost the others
            pages.append(Page(failure=str(error) or type(error).__name__))
        else:
            pages.append(Page(paragraphs=Paragraphs.of_text(clean(text))))
    return pages, _title(reader)


def _title(reader: Any) -> str | None:
    try:
        title = reader.metadata.title if reader.metadata else None
    except Exception:  # noqa: BLE001  a file whose text was read may still hold a broken title
        return None
    return title if isinstance(title, str) else None


def _check_count(count: int, limits: Limits) -> None:
    if count == 0:
        raise UnreadableDocument("it has no pages", code="empty_pdf")
    if count > limits.pages:
        raise UnreadableDocument(
            f"it has {count:,} pages, more than the {limits.pages:,} allowed: split it, or raise "
            "SIMURGH_MAX_PAGES",
            code="too_many_pages",
        )


def _refuse(pages: list[Page]) -> None:
    failure = next((page.failure for page in pages if page.failure), None)
    if failure:
        raise _corrupt(failure)
    if any(page.scanned for page in pages):
        raise UnreadableDocument(SCANNED, code="scanned")
    raise UnreadableDocument(f"none of its {len(pages)} pages holds any text", code="no_text")


def _put_together(pages: list[Page]) -> tuple[str, list[int]]:
    """The whole text, and where each page starts in it. A paragraph goes on over the end of a page."""
    text, starts = "", []
    parts: list[str] = []
    last: Paragraphs | None = None
    size = 0
    for page in pages:
        if last is not None:
            between = last.before(page.paragraphs, otherwise=PAGE_BREAK)
            parts.append(between)
            size += len(between)
        starts.append(size)
        parts.append(page.text)
        size += len(page.text)
        last = page.paragraphs
    text = "".join(parts)
    return text, starts


def _corrupt(reason: str) -> UnreadableDocument:
    return UnreadableDocument(
        f"it is damaged and cannot be read ({reason.strip()[:200]})", code="corrupt_pdf"
    )
