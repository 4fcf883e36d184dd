"""From bytes to text: what the bytes are decides, whatever the name or header says."""

import codecs
import json
import re
from dataclasses import dataclass
from email.message import Message
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
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x7fELF": "a program",
}
BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


CHARSETS = {  # labels that mean more on the web than in Python
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz-gb-2312": "gb18030",
    "big5": "cp950",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-9": "cp1254",
    "utf-16": "utf-8",  # said in a page's ASCII, it cannot be true
    "utf-16le": "utf-8",
    "utf-16be": "utf-8",
}
TEXT_CODECS = re.compile(
    r"utf-8|gb18030|big5|cp(125[0-8]|87[46]|866|9\d\d)|euc_|iso8859-|iso2022_jp|koi8-|mac-|johab|tis-620"
)
META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}["']?\s{0,9}([\w.:-]{2,40})""", re.I)
DROPPED = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # controls and lone surrogates


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
    """``hint`` is the content type that came with the bytes. Raises UnreadableDocument with its reason."""
    content = path.read_bytes()
    media_type, charset = content_type(hint)
    kind = sniff(content, name=name, hint=media_type)
    if kind == "pdf":
        from ingest.pdf import extract_pdf

        extracted = extract_pdf(content, limits)
    else:
        if kind == "html" and charset is None:
            charset = declared_charset(content)
        text = decode(content, None if kind == "payload" else charset)
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
    head = content[:2048].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if head.startswith(b"<!doctype html") or (head.startswith(b"<") and b"<html" in head):
        return "html"
    if name.lower().endswith((".html", ".htm", ".xhtml")) or hint in ("text/html", "application/xhtml+xml"):
        return "html"
    return "markdown" if name.lower().endswith((".md", ".markdown")) else "text"


def content_type(header: str | None) -> tuple[str | None, str | None]:
    """Media type and charset of a Content-Type header."""
    if not header:
        return None, None
    parsed = Message()
    parsed["content-type"] = clean(header)
    charset = parsed.get_param("charset")
    return parsed.get_content_type(), charset if isinstance(charset, str) else None


def declared_charset(page: bytes) -> str | None:
    """What a page's own <meta> says of its encoding."""
    found = META_CHARSET.search(page[:4096])
    return found[1].decode("ascii", "ignore") if found else None


def decode(content: bytes, charset: str | None = None) -> str:
    """By the byte order mark, else the charset that was declared, else as UTF-8.

    Raises UnreadableDocument for bytes that are none of these.
    """
    encoding = next((value for bom, value in BOMS.items() if content.startswith(bom)), None)
    if encoding is None and b"\x00" in content[:4096]:
        raise UnreadableDocument("it is binary data, not text", code="unsupported_type")
    declared = _codec(charset)
    if encoding is None and declared not in (None, "utf-8"):
        try:
            return content.decode(declared)
        except UnicodeDecodeError:
            pass  # pages err in what they declare: it may still be UTF-8
    encoding = encoding or "utf-8"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableDocument(
            f"it is not valid {encoding.upper()} (at byte {error.start}): save it as UTF-8", code="not_utf8"
        ) from error


def _codec(charset: str | None) -> str | None:
    """Python's codec for a charset's label; None for one that no text comes in."""
    label = (charset or "").strip().lower()
    try:
        name = codecs.lookup(CHARSETS.get(label, label)).name
    except (LookupError, ValueError):
        return None
    return name if TEXT_CODECS.match(name) else None


def clean(text: str) -> str:
    """Line ends unified; NUL, lone surrogates and other control characters out. Applied once, before the
    text is stored: offsets count in what it returns."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return DROPPED.sub("", text)


def extract_payload(payload: dict[str, Any]) -> Extracted:
    """Title, text, then the data as ``path: value`` lines, so that a question can meet either."""
    parts = [payload.get("title"), payload.get("text")]
    data = payload.get("data")
    if data:
        parts.append(
            "\n".join(f"{path}: {value}" if path else str(value) for path, value in _leaves(data, ""))
        )
    text = clean("\n\n".join(part for part in parts if part))
    return Extracted(text=text, title=clean(payload.get("title") or "") or None, kind="payload")


def _leaves(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [
            leaf for key, some in value.items() for leaf in _leaves(some, f"{path}.{key}" if path else key)
        ]
    if isinstance(value, list):
        return [leaf for some in value for leaf in _leaves(some, path)]
    return [] if value is None else [(path, value)]
