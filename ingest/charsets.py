"""Which encoding bytes are in: by their mark, by what was declared, else UTF-8."""

import codecs
import re
from email.message import Message

from indexes.errors import UnreadableDocument
from ingest.hidden import clean

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
CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")  # no text has them, every program does
META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}["']?\s{0,9}([\w.:-]{2,40})""", re.I)


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
    encoding = encoding or _unmarked_utf16(content)
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


def _unmarked_utf16(content: bytes) -> str | None:
    """UTF-16 without a mark, told by where the zero bytes of its ASCII letters are."""
    high, low = content[0:4096:2].count(0), content[1:4096:2].count(0)
    enough = min(len(content), 4096) // 5
    if min(high, low) > 0 or max(high, low) <= enough or len(content) % 2:
        return None
    codec = "utf-16-be" if high else "utf-16-le"
    beginning = content[:4096].decode(codec, "ignore")
    return None if CONTROLS.search(beginning) else codec


def _codec(charset: str | None) -> str | None:
    """Python's codec for a charset's label; None for one that no text comes in."""
    label = (charset or "").strip().lower()
    try:
        name = codecs.lookup(CHARSETS.get(label, label)).name
    except (LookupError, ValueError):
        return None
    return name if TEXT_CODECS.match(name) else None
