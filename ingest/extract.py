"""From bytes to text: what the bytes are decides, whatever the name or header says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from indexes.errors import UnreadableDocument
from ingest.charsets import content_type, declared_charset, decode
from ingest.data import csv_text, json_text, lines, xml_text
from ingest.docx_text import extract_docx
from ingest.epub import extract_epub
from ingest.hidden import clean
from ingest.kinds import HEAD, MARKDOWN, MEDIA_TYPES, PICTURES, Kind, is_pdf, sniff
from ingest.mail import extract_mail
from ingest.markdown import shown
from ingest.ocr import Ocr, installed
from ingest.opendocument import extract_opendocument
from ingest.outlook import extract_outlook
from ingest.pdf import extract_pdf
from ingest.picture import extract_picture
from ingest.pptx_text import extract_pptx
from ingest.records import Extracted, Limits
from ingest.rich_text import extract_rich_text
from ingest.sheets import extract_sheets

__all__ = ["MARKDOWN", "MEDIA_TYPES", "Extracted", "Kind", "Limits", "clean", "extract"]

PAYLOAD = {"title", "text", "data"}  # what an item that was sent as JSON is stored as, beside its id
UNTITLED = {"", "word document", "powerpoint presentation", "presentation", "untitled", "untitled document"}
OFFICE: dict[Kind, Callable[[bytes], tuple[str, str | None]]] = {  # Markdown and title
    "docx": extract_docx,
    "pptx": extract_pptx,
    "sheets": extract_sheets,
    "odt": extract_opendocument,
    "odp": extract_opendocument,
    "epub": extract_epub,
    "eml": extract_mail,
    "msg": extract_outlook,
    "rtf": extract_rich_text,
}


def extract(
    path: Path,
    *,
    name: str,
    hint: str | None,
    url: str | None,
    limits: Limits,
    ocr: Callable[[], Ocr | None] = installed,
) -> Extracted:
    """``hint`` is the content type that came with the bytes. Raises UnreadableDocument with its reason."""
    media_type, charset = content_type(hint)
    with path.open("rb") as file:
        start = file.read(HEAD)
        # A PDF is read where it lies, page by page: it may be larger than what memory is allowed.
        content = b"" if is_pdf(start) else start + file.read()
    kind = "pdf" if is_pdf(start) else sniff(content, name=name, hint=media_type)
    if kind == "pdf":
        extracted = extract_pdf(path, limits, ocr() if limits.ocr else None)
    elif kind in PICTURES.values():
        extracted = extract_picture(content, kind, ocr() if limits.ocr else None)
    elif kind in OFFICE:
        extracted = _office(content, kind)
    else:
        extracted = _text(content, kind, charset, url)
    if len(extracted.text) > limits.chars:
        raise UnreadableDocument(
            f"it holds {len(extracted.text):,} characters, more than the {limits.chars:,} allowed",
            code="too_much_text",
        )
    if not extracted.text.strip():
        raise UnreadableDocument("no text was found in it", code="no_text")
    return extracted


def _office(content: bytes, kind: Kind) -> Extracted:
    try:
        text, title = OFFICE[kind](content)
    except (UnreadableDocument, MemoryError):
        raise
    except Exception as error:  # the libraries raise all kinds on damaged files
        reason = str(error).strip() or type(error).__name__
        raise UnreadableDocument(
            f"it is damaged and cannot be read ({reason[:200]})", code="corrupt_document"
        ) from error
    title = clean(title or "").strip()
    return Extracted(text=clean(text), title=title if title.casefold() not in UNTITLED else None, kind=kind)


def _text(content: bytes, kind: Kind, charset: str | None, url: str | None) -> Extracted:
    if kind == "xml":
        return Extracted(text=clean(xml_text(content)), title=None, kind=kind)
    if kind == "html" and charset is None:
        charset = declared_charset(content)
    text = decode(content, None if kind == "json" else charset)
    if kind == "html":
        from ingest.html import extract_html

        return extract_html(text, url)
    if kind == "json":
        value, text = json_text(text)
        if isinstance(value, dict) and PAYLOAD <= value.keys() <= PAYLOAD | {"id"}:
            return extract_payload(value)
    elif kind == "csv":
        text = csv_text(clean(text))
    return Extracted(text=shown(text) if kind == "markdown" else clean(text), title=None, kind=kind)


def extract_payload(payload: dict[str, Any]) -> Extracted:
    """Title, text, then the data as ``path: value`` lines, so that a question can meet either."""
    parts = [payload.get("title"), payload.get("text"), lines(payload.get("data"))]
    text = clean("\n\n".join(part for part in parts if part))
    return Extracted(text=text, title=clean(payload.get("title") or "") or None, kind="payload")
