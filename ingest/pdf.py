"""Text of a PDF's pages, by pypdf."""

import io
import logging

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from indexes.errors import UnreadableDocument
from ingest.extract import Extracted, Limits, clean
from ingest.letters import typed
from ingest.reflow import reflow

PAGE_BREAK = "\n\n"


def extract_pdf(content: bytes, limits: Limits) -> Extracted:
    """Raises UnreadableDocument: encrypted_pdf, corrupt_pdf, empty_pdf, too_many_pages, no_text."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its warnings about broken files are ours to give
    try:
        reader = PdfReader(io.BytesIO(content), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableDocument("it is encrypted: remove its password first", code="encrypted_pdf")
        pages = len(reader.pages)
        title = _title(reader)
    except UnreadableDocument:
        raise
    except Exception as error:
        raise _corrupt(error) from error
    if pages == 0:
        raise UnreadableDocument("it has no pages", code="empty_pdf")
    if pages > limits.pages:
        raise UnreadableDocument(
            f"it has {pages:,} pages, more than the {limits.pages:,} allowed: split it, or raise "
            "SIMURGH_MAX_PAGES",
            code="too_many_pages",
        )
    texts: list[str] = []
    failure: Exception | None = None
    size = 0
    for number in range(pages):
        try:
            text = reflow(typed(clean(reader.pages[number].extract_text()))).strip()
        except Exception as error:  # noqa: BLE001  one broken page must not cost the others
            failure, text = error, ""
        texts.append(text)
        size += len(text)
        if size > limits.chars:
            break  # the caller refuses it for its size
    if not any(texts):
        if failure is not None:
            raise _corrupt(failure) from failure
        raise UnreadableDocument(
            f"none of its {pages} pages has a text layer: it is probably a scan", code="no_text"
        )
    starts, at = [], 0
    for text in texts:
        starts.append(at)
        at += len(text) + len(PAGE_BREAK)
    return Extracted(text=PAGE_BREAK.join(texts), title=title, kind="pdf", page_starts=starts)


def _title(reader: PdfReader) -> str | None:
    try:
        title = reader.metadata.title if reader.metadata else None
    except (PyPdfError, KeyError, ValueError, TypeError, AttributeError):
        return None
    return clean(title).strip() or None if isinstance(title, str) else None


def _corrupt(error: Exception) -> UnreadableDocument:
    reason = str(error).strip() or type(error).__name__
    return UnreadableDocument(f"it is damaged and cannot be read ({reason[:200]})", code="corrupt_pdf")
