"""What bytes are: told by the bytes themselves, and by a name or header only where they leave it open."""

import io
import re
import zipfile
from typing import Literal

from indexes.errors import UnreadableDocument

Kind = Literal[
    "pdf",
    "html",
    "markdown",
    "text",
    "payload",
    "docx",
    "pptx",
    "sheets",
    "odt",
    "odp",
    "epub",
    "eml",
    "msg",
    "rtf",
    "csv",
    "json",
    "xml",
    "png",
    "jpeg",
    "tiff",
]
OFFICE = "application/vnd.openxmlformats-officedocument"
MEDIA_TYPES: dict[Kind, str] = {
    "pdf": "application/pdf",
    "html": "text/html",
    "markdown": "text/markdown",
    "text": "text/plain",
    "payload": "application/json",
    "docx": f"{OFFICE}.wordprocessingml.document",
    "pptx": f"{OFFICE}.presentationml.presentation",
    "sheets": f"{OFFICE}.spreadsheetml.sheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "epub": "application/epub+zip",
    "eml": "message/rfc822",
    "msg": "application/vnd.ms-outlook",
    "rtf": "application/rtf",
    "csv": "text/csv",
    "json": "application/json",
    "xml": "application/xml",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "tiff": "image/tiff",
}
MARKDOWN: frozenset[Kind] = frozenset(MEDIA_TYPES) - {"pdf", "text", "payload", "json", "xml"}
READ = "PDF, HTML, Markdown, plain text, Word, PowerPoint, Excel, OpenDocument, EPUB, mail, RTF, CSV or JSON"
PICTURES: dict[bytes, Kind] = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
}
BINARIES = {  # what users try, by its first bytes
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\x7fELF": "a program",
}
OLE = b"\xd0\xcf\x11\xe0"
ZIPPED: tuple[tuple[str, Kind], ...] = (  # parts that only this kind of archive holds
    ("word/document.xml", "docx"),
    ("word/document2.xml", "docx"),
    ("ppt/presentation.xml", "pptx"),
    ("xl/workbook.xml", "sheets"),
    ("xl/workbook.bin", "sheets"),
    ("META-INF/container.xml", "epub"),
)
MIMETYPES: dict[str, Kind] = {  # what an archive says of itself in its part `mimetype`
    "application/epub+zip": "epub",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.text-template": "odt",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "application/vnd.oasis.opendocument.spreadsheet": "sheets",
}
BINARY_NAMES = (
    *(".docx", ".docm", ".pptx", ".pptm", ".xlsx", ".xlsm", ".xlsb", ".xls", ".odt", ".odp", ".ods"),
    *(".epub", ".msg", ".doc", ".ppt"),
)
BY_NAME: tuple[tuple[tuple[str, ...], Kind], ...] = (
    ((".html", ".htm", ".xhtml"), "html"),
    ((".eml",), "eml"),
    ((".csv", ".tsv"), "csv"),
    ((".json", ".jsonl", ".ndjson"), "json"),
    ((".md", ".markdown"), "markdown"),
)
BY_TYPE: dict[str | None, Kind] = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/json": "json",
    "message/rfc822": "eml",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "text/markdown": "markdown",
}
MAIL_HEADER = re.compile(
    r"(?:From |(?:From|To|Cc|Date|Subject|Received|Return-Path|Delivered-To|Message-ID|MIME-Version|Reply-To"
    r"|Content-Type|DKIM-Signature|X-[\w-]+): )",
    re.I,
)
HEAD = 1024
MAIL_HEADERS = 3  # in a row at the top of a text make it a mail


def is_pdf(start: bytes) -> bool:
    """``start``: the first ``HEAD`` bytes, which hold a PDF's mark."""
    return b"%PDF-" in start


def sniff(content: bytes, *, name: str, hint: str | None) -> Kind:
    """Raises UnreadableDocument for what cannot be read."""
    if not content.strip():
        raise UnreadableDocument("it is empty", code="empty")
    name = name.lower()
    if is_pdf(content[:HEAD]):
        return "pdf"
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(content, name)
    if content.startswith(OLE):
        return _compound(content)
    for magic, picture in PICTURES.items():
        if content.startswith(magic):
            return picture
    for magic, what in BINARIES.items():
        if content.startswith(magic):
            raise UnreadableDocument(f"it is {what}: send {READ}", code="unsupported_type")
    if content.startswith(b"{\\rtf"):
        return "rtf"
    if name.endswith(".pdf") or hint == MEDIA_TYPES["pdf"]:
        raise UnreadableDocument("it is called a PDF but does not hold one", code="corrupt_pdf")
    if name.endswith(BINARY_NAMES):
        raise UnreadableDocument("it does not hold what its name says", code="corrupt_document")
    return _textual(content, name, hint)


def _textual(content: bytes, name: str, hint: str | None) -> Kind:
    head = _head(content)
    if sum(
        1 for one in head.split("\n")[:20] if MAIL_HEADER.match(one)
    ) >= MAIL_HEADERS and MAIL_HEADER.match(head):
        return "eml"
    head = head.lower()
    if head.startswith("<!doctype html") or (head.startswith("<") and "<html" in head):
        return "html"
    if hint == "application/json":
        return "json"
    by_name = next((kind for ends, kind in BY_NAME if name.endswith(ends)), None)
    if by_name == "html" or BY_TYPE.get(hint) == "html":
        return "html"
    if head.startswith("<?xml"):
        return "xml"
    return by_name or BY_TYPE.get(hint, "text")


def _head(content: bytes) -> str:
    """The beginning of a text, roughly decoded: what matters here is ASCII."""
    ascii_only = content[:4096].replace(b"\x00", b"")  # of whichever UTF
    return ascii_only[:2048].decode("ascii", "ignore").lstrip().replace("\r\n", "\n")


def _zipped(content: bytes, name: str) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = set(archive.namelist())
            said = (
                archive.read("mimetype")[:100].decode("ascii", "ignore").strip()
                if "mimetype" in parts
                else ""
            )
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        code = "corrupt_document" if name.endswith(BINARY_NAMES) else "unsupported_type"
        raise UnreadableDocument(f"it is a damaged archive, unreadable ({error})", code=code) from error
    kind = MIMETYPES.get(said) or next((kind for part, kind in ZIPPED if part in parts), None)
    if kind is None:
        raise UnreadableDocument(f"it is an archive: send {READ}", code="unsupported_type")
    return kind


def _compound(content: bytes) -> Kind:
    """What an OLE file is: an old Office file, an Outlook message, or an encrypted Office file."""
    import olefile

    try:
        with olefile.OleFileIO(content) as ole:
            streams = {path[0] for path in ole.listdir(streams=True)}
    except Exception as error:
        raise UnreadableDocument(
            f"it is a damaged Office file and cannot be read ({error})", code="corrupt_document"
        ) from error
    if "EncryptedPackage" in streams:
        raise UnreadableDocument("it is encrypted: remove its password first", code="encrypted_document")
    if "__properties_version1.0" in streams:
        return "msg"
    if streams & {"Workbook", "Book"}:
        return "sheets"
    raise UnreadableDocument("it is an old Office file: save it as .docx or .pptx", code="unsupported_type")
