"""A mail as its reader sees it: subject, correspondents, the HTML body where there is one, attached texts."""

import email
import email.policy
from collections.abc import Iterator
from email.errors import MessageError
from email.message import EmailMessage

from indexes.errors import UnreadableDocument
from ingest import markdown
from ingest.charsets import BOMS, decode
from ingest.html import whole_page

HEADERS = ("From", "To", "Cc", "Date")
MAX_DEPTH = 5  # mails within mails
BROKEN = (
    MessageError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)  # what the parser raises on bad ones


def extract_mail(content: bytes) -> tuple[str, str | None]:
    """Markdown, and the subject."""
    if content.startswith(tuple(BOMS)) or b"\x00" in content[:100]:
        content = decode(content).encode()
    message = email.message_from_bytes(content, policy=email.policy.default)
    return markdown.join(_blocks(message, 1)), _header(message, "Subject") or None


def letter(subject: str, headers: dict[str, str], body: str, attached: list[str], *, level: int = 1) -> str:
    """Markdown of a mail; mails in other formats look the same."""
    lines = [f"{name}: {value}" for name, value in headers.items() if value]
    if attached:
        lines.append(f"Attachments: {', '.join(attached)}")
    return markdown.join([markdown.heading(level, subject), "\n".join(lines), body])


def _blocks(message: EmailMessage, depth: int) -> Iterator[str]:
    if message.get_content_type() in ("multipart/encrypted", "application/pkcs7-mime"):
        raise UnreadableDocument("it is encrypted: save it decrypted", code="encrypted_document")
    parts = list(_leaves(message))
    # A reader is shown the HTML: what only the plain alternative says, nobody has read.
    pages = [part for part in parts if _is_body(part, "text/html")]
    body = markdown.join(whole_page(_text(part)) for part in pages)
    if not body.strip():
        body = markdown.join(_text(part).strip() for part in parts if _is_body(part, "text/plain"))
    files = [part for part in parts if part.is_attachment() or part.get_filename()]
    names = [markdown.line(str(part.get_filename() or "")) for part in files]
    headers = {name: _header(message, name) for name in HEADERS}
    yield letter(_header(message, "Subject"), headers, body, [name for name in names if name], level=depth)
    for part in files:
        if part.get_content_type() in ("text/plain", "text/markdown", "text/csv"):
            yield markdown.join(
                [markdown.heading(depth + 1, str(part.get_filename() or "")), _text(part).strip()]
            )
    if depth < MAX_DEPTH:
        for part in parts:
            if part.get_content_type() == "message/rfc822":
                for inner in part.get_payload():
                    if isinstance(inner, EmailMessage):
                        yield from _blocks(inner, depth + 1)


def _leaves(message: EmailMessage) -> Iterator[EmailMessage]:
    """Parts that hold content, not those of a mail within this one."""
    if message.get_content_maintype() != "multipart":
        yield message
        return
    for part in message.iter_parts():
        if isinstance(part, EmailMessage):
            yield from _leaves(part)


def _is_body(part: EmailMessage, kind: str) -> bool:
    return part.get_content_type() == kind and not part.is_attachment() and not part.get_filename()


def _text(part: EmailMessage) -> str:
    """By the charset that the part declares, else as UTF-8 with what is wrong in it replaced."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        return decode(content, part.get_content_charset())
    except UnreadableDocument:
        return content.decode("utf-8", "replace")


def _header(message: EmailMessage, name: str) -> str:
    try:
        return markdown.line(str(message.get(name) or ""))
    except BROKEN:
        raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
        return markdown.line(str(raw))
