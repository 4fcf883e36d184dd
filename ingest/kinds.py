"""What bytes are: told by the bytes themselves, and by a name or header only where they leave it open."""

import codecs
from typing import Literal

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
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x7fELF": "a program",
}


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
    head = content[:2048].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if head.startswith(b"<!doctype html") or (head.startswith(b"<") and b"<html" in head):
        return "html"
    if name.lower().endswith((".html", ".htm", ".xhtml")) or hint in ("text/html", "application/xhtml+xml"):
        return "html"
    return "markdown" if name.lower().endswith((".md", ".markdown")) else "text"
