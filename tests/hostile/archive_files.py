"""Archives that swell, lie, loop or point elsewhere, and the XML in them."""

import struct
import zlib
from collections.abc import Iterator
from functools import cache, partial

from tests.hostile.parts import Hostile, unzipped, with_part, zipped
from tests.hostile.seeds import seeds
from tests.support.office import ODF

MIB = 1 << 20
W = "xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'"
S = "xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'"
MAIN = {
    "docx": "word/document.xml",
    "pptx": "ppt/slides/slide1.xml",
    "xlsx": "xl/worksheets/sheet1.xml",
    "odt": "content.xml",
    "epub": "OPS/one.xhtml",
}
LAUGHS = (
    "<!DOCTYPE x [<!ENTITY a0 'ha'>"
    + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))
    + "]>"
)
WIDE_CELL = "<w:tc><w:tcPr><w:gridSpan w:val='999999999'/></w:tcPr><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc>"
QUADRATIC = f"<!DOCTYPE x [<!ENTITY a '{'a' * 50_000}'>]>"
OUTSIDE = (
    "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'><!ENTITY % p SYSTEM 'http://127.0.0.1:9/x'>%p;]>"
)


@cache
def _honest() -> dict[str, bytes]:
    return seeds()


def hostile_archives() -> Iterator[Hostile]:
    for kind, place in MAIN.items():
        for name, change in _of_every_kind().items():
            yield Hostile(f"{name}.{kind}", partial(_changed, kind, place, change))
    yield Hostile("entities.xml", lambda: f"<?xml version='1.0'?>{LAUGHS}<x>&a11;</x>".encode())
    yield Hostile(
        "entity-repeated.xml", lambda: f"<?xml version='1.0'?>{QUADRATIC}<x>{'&a;' * 50_000}</x>".encode()
    )
    yield Hostile("outside.xml", lambda: f"<?xml version='1.0'?>{OUTSIDE}<x>text &a;</x>".encode())
    yield Hostile("deep.xml", lambda: b"<?xml version='1.0'?>" + b"<a>" * 100_000 + b"x" + b"</a>" * 100_000)
    yield Hostile("attributes.xml", lambda: _attributes().encode())
    yield Hostile("namespaces.xml", lambda: _namespaces().encode())
    yield Hostile("wide.xml", lambda: b"<?xml version='1.0'?><r>" + b"<a>x</a>" * 200_000 + b"</r>")
    yield Hostile(
        "mixed.xml",
        lambda: b"<?xml version='1.0'?><r>" + b"x<a>" * 200 + b"</a>" * 200 + b"y" * MIB + b"</r>",
    )
    yield Hostile("named.docx", lambda: with_part(_honest()["docx"], "../../../../tmp/slip", b"x"))
    yield Hostile("absolute.epub", lambda: with_part(_honest()["epub"], "/etc/cron.d/slip", b"x"))
    yield Hostile("spine-slip.epub", _spine_slip)
    yield Hostile("spine-without-end.epub", _spine_without_end)
    yield Hostile("nested.zip", _nested)
    yield Hostile("nested.docx", _nested)
    yield Hostile("overlapping.docx", _overlapping)
    yield Hostile("overlapping-text.odt", partial(_overlapping, "application/vnd.oasis.opendocument.text"))
    yield Hostile("lying-sizes.docx", partial(_lying, "docx"))
    yield Hostile("lying-sizes.odt", partial(_lying, "odt"))
    yield Hostile("lying-sizes.xlsx", partial(_lying, "xlsx"))
    yield Hostile(
        "mimetype-bomb.odt", lambda: zipped({"mimetype": b"a" * (100 * MIB), "content.xml": b"<a/>"})
    )
    yield Hostile("many-parts.docx", lambda: zipped({f"p{n}": b"" for n in range(30_000)}, level=1))
    yield Hostile("one-name-often.zip", lambda: _doubled("word/document.xml", 5000))
    yield Hostile("directory-far-away.docx", lambda: _honest()["docx"][:-10] + b"\xff" * 10)
    yield Hostile("only-an-end.docx", lambda: b"PK\x05\x06" + b"\xff" * 18)
    yield Hostile("bzip2.docx", lambda: _method(_honest()["docx"], 12))
    yield Hostile("unknown-method.docx", lambda: _method(_honest()["docx"], 99))
    yield Hostile(
        "encrypted-bit.docx",
        lambda: _honest()["docx"].replace(b"\x14\x00\x00\x00\x08\x00", b"\x14\x00\x01\x00\x08\x00"),
    )
    yield Hostile(
        "cells-of-a-billion.xlsx", partial(_sheet, '<c r="A1"><v>1</v></c><c r="XFD1048576"><v>2</v></c>')
    )
    yield Hostile("cells-beyond.xlsx", partial(_sheet, '<c r="ZZZZZZ99999999999"><v>2</v></c>'))
    yield Hostile("diagonal.xlsx", partial(_sheet, "", diagonal=3000))
    yield Hostile(
        "dimension.xlsx", partial(_sheet, '<c r="A1"><v>1</v></c>', head='<dimension ref="A1:XFD1048576"/>')
    )
    yield Hostile("strings-bomb.xlsx", _strings_bomb)
    yield Hostile("one-string-often.xlsx", _one_string_often)
    yield Hostile(
        "merged.xlsx",
        partial(
            _sheet, '<c r="A1"><v>1</v></c>', tail='<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
        ),
    )
    yield Hostile(
        "formulas.xlsx", partial(_sheet, '<c r="A1"><f>WEBSERVICE("http://127.0.0.1:9/")</f><v>1</v></c>')
    )
    yield Hostile("repeated-cells.odt", _repeated)
    yield Hostile("repeated-rows.ods", _spreadsheet)
    yield Hostile(
        "spans.docx",
        partial(
            _word,
            f"<w:tbl><w:tr>{WIDE_CELL * 300}</w:tr></w:tbl>",
        ),
    )
    yield Hostile(
        "tables-in-tables.docx",
        partial(
            _word,
            "<w:tbl><w:tr><w:tc>" * 60
            + "<w:p><w:r><w:t>x</w:t></w:r></w:p>" * 2000
            + "</w:tc></w:tr></w:tbl>" * 60,
        ),
    )
    yield Hostile(
        "runs-in-runs.docx",
        partial(_word, "<w:p>" + "<w:r>" * 200 + "<w:t>x</w:t>" * 20_000 + "</w:r>" * 200 + "</w:p>"),
    )
    yield Hostile(
        "boxes-in-boxes.docx",
        partial(
            _word,
            "<w:p><w:r><w:txbxContent>" * 80
            + "<w:p><w:r><w:t>deep</w:t></w:r></w:p>" * 500
            + "</w:txbxContent></w:r></w:p>" * 80,
        ),
    )
    yield Hostile("styles-in-a-circle.docx", _style_circle)
    yield Hostile(
        "a-long-table.docx",
        partial(
            _word,
            "<w:tbl>" + "<w:tr><w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc></w:tr>" * 20_000 + "</w:tbl>",
        ),
    )
    yield Hostile("slides-of-itself.pptx", _slide_circle)
    yield Hostile("groups.pptx", _groups)
    yield Hostile("remote-parts.docx", _remote)


def _of_every_kind() -> dict[str, tuple[str, str]]:
    """What is put behind the XML's declaration, and what is put into its innermost text."""
    return {
        "entities": (LAUGHS, "&a11;"),
        "outside": (OUTSIDE, "&a;"),
        "repeated-entity": (QUADRATIC, "&a;" * 20_000),
        "deep": ("", "<x>" * 100_000),
        "swollen": ("", " " * (40 * MIB)),
        "large": ("", "word " * (3 * MIB)),
    }


def _changed(kind: str, place: str, change: tuple[str, str]) -> bytes:
    head, inside = change
    content = unzipped(_honest()[kind])[place].decode()
    declaration, found, rest = content.rpartition("?>") if "?>" in content[:200] else ("", "", content)
    if "?>" in content[:200]:
        declaration, found, rest = content.partition("?>")
    at = rest.index("ferry") if "ferry" in rest else rest.rindex("</")
    return with_part(
        _honest()[kind], place, (declaration + found + head + rest[:at] + inside + rest[at:]).encode()
    )


def _attributes() -> str:
    return "<?xml version='1.0'?><a " + " ".join(f"a{n}='x'" for n in range(100_000)) + ">x</a>"


def _namespaces() -> str:
    return (
        "<?xml version='1.0'?><a " + " ".join(f"xmlns:n{n}='u{n}'" for n in range(20_000)) + "><b>x</b></a>"
    )


def _spine_slip() -> bytes:
    parts = unzipped(_honest()["epub"])
    parts["OPS/book.opf"] = parts["OPS/book.opf"].replace(b"one.xhtml", b"../../../../etc/passwd")
    return zipped(parts)


def _spine_without_end() -> bytes:
    parts = unzipped(_honest()["epub"])
    parts["OPS/book.opf"] = parts["OPS/book.opf"].replace(
        b"<spine>", b"<spine>" + b'<itemref idref="one"/>' * 100_000
    )
    return zipped(parts)


def _nested() -> bytes:
    content = b"\0" * (8 * MIB)
    for _ in range(6):
        content = zipped({f"{n}.zip": content for n in range(8)})
    return content


def _overlapping(mimetype: str = "") -> bytes:
    """Many entries of the directory that share one body."""
    name, body = b"word/document.xml", zlib.compress(b"\0" * (10 * MIB), 9)[2:-4]
    head = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(body), 10 * MIB, len(name), 0)
    local = head + name + body
    said = mimetype.encode()
    start = len(local)
    local += struct.pack(
        "<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 0, 0, 0, zlib.crc32(said), len(said), len(said), 8, 0
    )
    local += b"mimetype" + said
    entries = []
    for number in range(4000):
        own = name if number == 0 else b"part%d" % number
        sizes = (0, len(body), 10 * MIB, len(own))
        entries.append(
            struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 8, 0, 0, *sizes, 0, 0, 0, 0, 0, 0) + own
        )
    if said:
        sizes = (zlib.crc32(said), len(said), len(said), 8)
        entries.append(
            struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 0, 0, 0, *sizes, 0, 0, 0, 0, 0, start)
            + b"mimetype"
        )
    directory = b"".join(entries)
    end = struct.pack(
        "<4sHHHHIIH", b"PK\5\6", 0, 0, len(entries), len(entries), len(directory), len(local), 0
    )
    return local + directory + end


def _lying(kind: str) -> bytes:
    """Its main part unpacks to 100 MiB and says 100 bytes."""
    place = MAIN[kind].encode()
    content = bytearray(with_part(_honest()[kind], MAIN[kind], b" " * (100 * MIB)))
    for mark, size_at, name_at in ((b"PK\3\4", 22, 30), (b"PK\1\2", 24, 46)):
        at = content.find(mark)
        while at >= 0:
            if content[at + name_at : at + name_at + len(place)] == place:
                content[at + size_at : at + size_at + 4] = struct.pack("<I", 100)
            at = content.find(mark, at + 4)
    return bytes(content)


def _doubled(name: str, times: int) -> bytes:
    import io
    import warnings
    import zipfile

    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as archive:
        warnings.simplefilter("ignore")
        for _ in range(times):
            archive.writestr(zipfile.ZipInfo(name), b"<a/>")
    return out.getvalue()


def _method(content: bytes, method: int) -> bytes:
    return content.replace(b"\x14\x00\x00\x00\x08\x00", b"\x14\x00\x00\x00" + struct.pack("<H", method))


def _sheet(cells: str, *, head: str = "", tail: str = "", diagonal: int = 0) -> bytes:
    rows = "".join(
        f'<row r="{n}"><c r="{_column(n)}{n}"><v>{n}</v></c></row>' for n in range(2, diagonal + 2)
    )
    filled = f"<sheetData><row r='1'>{cells}</row>{rows}</sheetData>"
    sheet = f"<?xml version='1.0'?><worksheet {S}>{head}{filled}{tail}</worksheet>"
    return with_part(_honest()["xlsx"], MAIN["xlsx"], sheet.encode())


def _column(number: int) -> str:
    name = ""
    while number:
        number, letter = divmod(number - 1, 26)
        name = chr(65 + letter) + name
    return name


def _strings_bomb() -> bytes:
    strings = (
        f"<?xml version='1.0'?><sst {S} count='99999999' uniqueCount='99999999'>"
        + "<si><t>ha</t></si>" * MIB
        + "</sst>"
    )
    return with_part(_honest()["xlsx"], "xl/sharedStrings.xml", strings.encode())


def _one_string_often() -> bytes:
    """A megabyte that every one of 10,000 cells refers to."""
    strings = f"<?xml version='1.0'?><sst {S}><si><t>{'ha' * MIB}</t></si></sst>"
    cells = "".join(f'<c r="A{n}" t="s"><v>0</v></c>' for n in range(10_000))
    parts = unzipped(_sheet(cells))
    parts["xl/sharedStrings.xml"] = strings.encode()
    return zipped(parts)


def _open_text(body: str) -> bytes:
    inside = f"<office:body><office:text>{body}</office:text></office:body>"
    root = f"<office:document-content {ODF}>{inside}</office:document-content>"
    return with_part(_honest()["odt"], "content.xml", root.encode())


def _repeated() -> bytes:
    cell = "<table:table-cell table:number-columns-repeated='999999999'><text:p>x</text:p></table:table-cell>"
    row = f"<table:table-row table:number-rows-repeated='999999999'>{cell * 50}</table:table-row>"
    return _open_text(f"<table:table>{row * 200}</table:table>")


def _spreadsheet() -> bytes:
    repeated = "table:number-columns-repeated='16384' office:value-type='string'"
    cell = f"<table:table-cell {repeated}><text:p>x</text:p></table:table-cell>"
    row = f"<table:table-row table:number-rows-repeated='1048576'>{cell}</table:table-row>"
    root = (
        f"<?xml version='1.0'?><office:document-content {ODF}><office:body><office:spreadsheet>"
        f"<table:table table:name='a'>{row}</table:table></office:spreadsheet></office:body>"
        "</office:document-content>"
    )
    manifest = (
        "<?xml version='1.0'?><manifest:manifest "
        "xmlns:manifest='urn:oasis:names:tc:opendocument:xmlns:manifest:1.0'><manifest:file-entry "
        "manifest:full-path='/' manifest:media-type='application/vnd.oasis.opendocument.spreadsheet'/>"
        "</manifest:manifest>"
    )
    return zipped(
        {
            "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": root.encode(),
            "META-INF/manifest.xml": manifest.encode(),
        }
    )


def _word(body: str) -> bytes:
    root = f"<?xml version='1.0'?><w:document {W}><w:body>{body}</w:body></w:document>"
    return with_part(_honest()["docx"], MAIN["docx"], root.encode())


def _style_circle() -> bytes:
    styles = "".join(
        f"<w:style w:styleId='s{n}'><w:name w:val='s{n}'/><w:basedOn w:val='s{(n + 1) % 3000}'/></w:style>"
        for n in range(3000)
    )
    return with_part(_honest()["docx"], "word/styles.xml", f"<w:styles {W}>{styles}</w:styles>".encode())


def _slide_circle() -> bytes:
    parts = unzipped(_honest()["pptx"])
    place = "ppt/slides/_rels/slide1.xml.rels"
    parts[place] = parts[place].replace(b"../slideLayouts/slideLayout2.xml", b"slide1.xml")
    return zipped(parts)


def _groups() -> bytes:
    parts = unzipped(_honest()["pptx"])
    group = b"<p:grpSp><p:nvGrpSpPr/><p:grpSpPr/>"
    made = parts[MAIN["pptx"]].replace(b"</p:spTree>", group * 100 + b"</p:grpSp>" * 100 + b"</p:spTree>")
    return zipped({**parts, MAIN["pptx"]: made})


def _remote() -> bytes:
    place = "word/_rels/document.xml.rels"
    links = unzipped(_honest()["docx"])[place].decode()
    target = (
        "<Relationship Id='rX' "
        "Type='http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes' "
        "Target='http://127.0.0.1:9/notes.xml' TargetMode='External'/>"
    )
    return with_part(
        _honest()["docx"], place, links.replace("</Relationships>", target + "</Relationships>").encode()
    )
