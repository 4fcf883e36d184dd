"""A message saved by Outlook (.msg), by olefile: the properties that MS-OXMSG names."""

from typing import Any

from indexes.errors import UnreadableDocument
from ingest.charsets import declared_charset, decode
from ingest.html import whole_page
from ingest.mail import letter
from ingest.rich_text import extract_rich_text

SUBJECT, BODY, HTML, RTF = "0037", "1000", "1013", "1009"
FROM, FROM_ADDRESS, TO, CC, FILE = "0C1A", "5D01", "0E04", "0E03", "3707"
UNICODE, ANSI, BINARY = "001F", "001E", "0102"
SEALED = (".p7m", ".pgp-encrypted")  # the only content of an encrypted message


def extract_outlook(content: bytes) -> tuple[str, str | None]:
    """Markdown, and the subject."""
    import olefile

    with olefile.OleFileIO(content) as ole:
        subject = _text(ole, "", SUBJECT)
        names = {_text(ole, f"{path[0]}/", FILE) for path in ole.listdir() if path[0].startswith("__attach")}
        sender = " ".join(filter(None, (_text(ole, "", FROM), _text(ole, "", FROM_ADDRESS))))
        headers = {"From": sender, "To": _text(ole, "", TO), "Cc": _text(ole, "", CC)}
        body = _body(ole)
        if not body.strip() and any(name.lower().endswith(SEALED) for name in names):
            raise UnreadableDocument("it is encrypted: save it decrypted", code="encrypted_document")
        return letter(subject, headers, body, sorted(names - {""})), subject or None


def _body(ole: Any) -> str:
    """The HTML where there is one: it is what a reader is shown."""
    page = _stream(ole, "", HTML, BINARY)
    html = decode(page, declared_charset(page)) if page else _text(ole, "", HTML)
    shown = whole_page(html) if html else ""
    if not shown.strip():
        shown = _text(ole, "", BODY)
    packed = _stream(ole, "", RTF, BINARY) if not shown.strip() else b""
    if packed:
        from compressed_rtf import decompress

        shown, _title = extract_rich_text(decompress(packed))
    return shown


def _text(ole: Any, folder: str, property_id: str) -> str:
    text = _stream(ole, folder, property_id, UNICODE).decode("utf-16-le", "replace")
    return (text or _stream(ole, folder, property_id, ANSI).decode("cp1252", "replace")).strip("\0").strip()


def _stream(ole: Any, folder: str, property_id: str, kind: str) -> bytes:
    name = f"{folder}__substg1.0_{property_id}{kind}"
    return bytes(ole.openstream(name).read()) if ole.exists(name) else b""
