"""What the hostile files are put together from."""

import io
import zipfile
from collections.abc import Callable
from typing import NamedTuple


class Hostile(NamedTuple):
    """A file as somebody would send it; its bytes are made when it is its turn."""

    name: str
    content: Callable[[], bytes]

    @property
    def kind(self) -> str:
        """By its name's ending, which for some is a lie."""
        return self.name.rpartition(".")[2]


def zipped(parts: dict[str, bytes], *, level: int = 6) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as made:
        for name, content in parts.items():
            made.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED, level)
    return out.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def with_part(content: bytes, name: str, part: bytes) -> bytes:
    """The archive with one part exchanged or added."""
    return zipped({**unzipped(content), name: part})


def pdf(*objects: bytes, trailer: bytes = b"/Root 1 0 R") -> bytes:
    """Objects numbered from 1, with a cross-reference table."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        out += b"%010d 00000 n \n" % place
    out += b"trailer\n<</Size %d %b>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    return bytes(out)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<<%b /Length %d>>\nstream\n%b\nendstream" % (entries, len(content), content)


CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
PAGES = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
HELVETICA = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
TEXT = b"BT /F1 12 Tf 72 720 Td (The ferry leaves at noon.) Tj ET"


def page(
    content: bytes = TEXT, *, entries: bytes = b"", stream_entries: bytes = b"", more: bytes = b""
) -> bytes:
    """A PDF of one page; its objects from 6 on are ``more``."""
    return pdf(
        *page_objects(content, entries=entries, stream_entries=stream_entries), *([more] if more else [])
    )


def page_objects(content: bytes = TEXT, *, entries: bytes = b"", stream_entries: bytes = b"") -> list[bytes]:
    box = b"" if b"/MediaBox" in entries else b"/MediaBox[0 0 595 842]"
    own = b"<</Type/Page/Parent 2 0 R%b/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>%b>>%b>>"
    resources, _, rest = entries.partition(b"|")
    return [CATALOG, PAGES, own % (box, resources, rest), stream(content, stream_entries), HELVETICA]
