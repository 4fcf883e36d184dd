"""From bytes to text: what the bytes are decides, whatever the name or header says."""

import codecs
import json
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from indexes.errors import UnreadableDocument

Kind = Literal["pdf", "html", "markdown", "text", "payload"]
MEDIA_TYPES: dict[Kind, str] = {
    "pdf": "application/pdf",
    "html": "text/html",
    "markdown": "text/markdown",
    "text": "text/plain",
    "payload": "application/json",
}
BINARIES = {  # what users try, by its first bytes
    b"PK\x03\x04": "a zip archive or an Office file",
    b"PK\x05\x06": "an empty zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}
BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    pages: int
    chars: int


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """``page_starts`` are code-point offsets into ``text``; None where there are no pages."""

    text: str
    title: str | None
    kind: Kind
    page_starts: list[int] | None = None


def extract(path: Path, *, name: str, hint: str | None, url: str | None, limits: Limits) -> Extracted:
    """``hint`` is the media type that came with the bytes. Raises UnreadableDocument with its reason."""
    content = path.read_bytes()
    kind = sniff(content, name=name, hint=hint)
    if kind == "pdf":
        from ingest.pdf import extract_pdf

        extracted = extract_pdf(content, limits)
    else:
        text = decode(content)
        if kind == "html":
            from ingest.html import extract_html

            extracted = extract_html(text, url)
        elif kind == "payload":
            extracted = extract_payload(json.loads(text))
        else:
            extracted = Extracted(text=clean(text), title=None, kind=kind)
    if len(extracted.text) > limits.chars:
        raise UnreadableDocument(
            f"it holds {len(extracted.text):,} characters, more than the {limits.chars:,} allowed",
            code="too_much_text",
        )
    if not extracted.text.strip():
        raise UnreadableDocument("no text was found in it", code="no_text")
    return extracted


def sniff(content: bytes, *, name: str, hint: str | None) -> Kind:
    """Raises UnreadableDocument for what cannot be read."""
    if not content.strip():
        raise UnreadableDocument("it is empty", code="empty")
    if b"%PDF-" in content[:1024]:
        return "pdf"
    for magic, what in BINARIES.items():
        if content.startswith(magic):
            raise UnreadableDocument(
                f"it is {what}: send PDF, HTML, Markdown or plain text", code="unsupported_type"
            )
    if name.lower().endswith(".pdf") or hint == "application/pdf":
        raise UnreadableDocument("it is called a PDF but does not hold one", code="corrupt_pdf")
    if hint == MEDIA_TYPES["payload"]:
        return "payload"
    head = content[:2048].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html", b"\xef\xbb\xbf<!doctype html")) or b"<html" in head:
        return "html"
    if name.lower().endswith((".html", ".htm", ".xhtml")) or hint in ("text/html", "application/xhtml+xml"):
        return "html"
    return "markdown" if name.lower().endswith((".md", ".markdown")) else "text"


def decode(content: bytes) -> str:
    """Raises UnreadableDocument for bytes that are no UTF-8 and carry no byte order mark."""
    encoding = next((value for bom, value in BOMS.items() if content.startswith(bom)), "utf-8")
    if b"\x00" in content[:4096] and encoding == "utf-8":
        raise UnreadableDocument("it is binary data, not text", code="unsupported_type")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableDocument(
            f"it is not valid {encoding.upper()} (at byte {error.start}): save it as UTF-8", code="not_utf8"
        ) from error


def clean(text: str) -> str:
    """Line ends unified; NUL, lone surrogates and other control characters out. Applied once, before the
    text is stored: offsets count in what it returns."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        char for char in text if char in "\n\t\f" or unicodedata.category(char) not in ("Cc", "Cs")
    )


def extract_payload(payload: dict[str, Any]) -> Extracted:
    """Title, text, then the data as ``path: value`` lines, so that a question can meet either."""
    parts = [payload.get("title"), payload.get("text")]
    data = payload.get("data")
    if data:
        parts.append("\n".join(f"{path}: {value}" for path, value in _leaves(data, "")))
    text = clean("\n\n".join(part for part in parts if part))
    return Extracted(text=text, title=payload.get("title"), kind="payload")


def _leaves(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [
            leaf for key, some in value.items() for leaf in _leaves(some, f"{path}.{key}" if path else key)
        ]
    if isinstance(value, list):
        return [leaf for some in value for leaf in _leaves(some, path)]
    return [] if value is None else [(path, value)]
