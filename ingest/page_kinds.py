"""Which answers of a web site can become documents, told before they are read; and which are pages."""

from indexes.errors import UnreadableDocument
from ingest.addresses import path_of
from ingest.charsets import content_type, declared_charset, decode
from ingest.kinds import BINARY_NAMES, BY_TYPE, MEDIA_TYPES, PICTURES, sniff

LEFT_OUT = {"payload", "json", "xml", *PICTURES.values()}  # on a site these serve its pages
READABLE = {
    *(media_type for kind, media_type in MEDIA_TYPES.items() if kind not in LEFT_OUT),
    *(media_type for media_type, kind in BY_TYPE.items() if kind not in LEFT_OUT),
    *("text/rtf", "text/x-markdown", "application/x-pdf", "application/vnd.ms-excel"),
    *(
        f"application/vnd.ms-{one}"
        for one in ("word.document.macroenabled.12", "excel.sheet.macroenabled.12")
    ),
}
UNTOLD = (None, "application/octet-stream", "binary/octet-stream", "application/x-download")
NAMES = (*BINARY_NAMES, ".pdf", ".rtf", ".eml", ".md", ".markdown", ".txt", ".csv", ".tsv", ".html", ".htm")


def is_readable(header: str | None, address: str) -> bool:
    """By the Content-Type, or where it tells nothing by the name."""
    media_type, _ = content_type(header)
    if media_type is None:
        return True
    return media_type in READABLE or (media_type in UNTOLD and path_of(address).lower().endswith(NAMES))


def html_of(content: bytes, header: str | None, address: str) -> str | None:
    """The text of a page, as well as it can be decoded; None for another kind of file."""
    media_type, charset = content_type(header)
    if BY_TYPE.get(media_type) != "html" and (media_type not in UNTOLD or not _looks(content, address)):
        return None
    try:
        return decode(content, charset or declared_charset(content))
    except UnreadableDocument:
        return content.decode(errors="replace")


def _looks(content: bytes, address: str) -> bool:
    try:
        return sniff(content, name=path_of(address), hint=None) == "html"
    except UnreadableDocument:
        return False
