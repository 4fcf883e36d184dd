"""Word, PowerPoint, Excel, OpenDocument and books: what a reader sees, as Markdown; bombs are refused."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from docx.document import Document as WordDocument
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.shared import Pt, RGBColor
from pptx.util import Inches
from xlsxwriter import Workbook

from indexes.errors import UnreadableDocument
from ingest.extract import Extracted, Limits, extract
from tests.support import office

LIMITS = Limits(pages=50, chars=1_000_000)


def read(path: Path, content: bytes, *, name: str = "file") -> Extracted:
    file = path / "content"
    file.write_bytes(content)
    return extract(file, name=name, hint=None, url=None, limits=LIMITS)


# -- Word


def test_docx(tmp_path: Path) -> None:
    def write(document: WordDocument) -> None:
        document.add_heading("The museum", 0)
        document.add_heading("Opening", 1)
        document.add_paragraph("It opens at nine.\nEvery day.")
        document.add_paragraph("Birds", style="List Bullet")
        document.add_paragraph("Stones", style="List Number")
        table = document.add_table(rows=2, cols=2)
        for cell, text in zip(
            [*table.rows[0].cells, *table.rows[1].cells], ["Day", "Hours", "Monday", "9|5"], strict=True
        ):
            cell.text = text
        document.add_paragraph("After it.")

    extracted = read(tmp_path, office.docx(write), name="x.bin")
    assert (extracted.kind, extracted.title) == ("docx", "The museum")
    assert extracted.text == (
        "# The museum\n\n# Opening\n\nIt opens at nine.\nEvery day.\n\n- Birds\n- Stones\n\n"
        "| Day | Hours |\n| --- | --- |\n| Monday | 9\\|5 |\n\nAfter it."
    )


def test_docx_hidden_runs(tmp_path: Path) -> None:
    def write(document: WordDocument) -> None:
        paragraph = document.add_paragraph("Seen. ")
        paragraph.add_run("SECRET vanish ").font.hidden = True
        paragraph.add_run("SECRET small ").font.size = Pt(1)
        paragraph.add_run("SECRET white ").font.color.rgb = RGBColor(255, 255, 255)
        shaded = paragraph.add_run("White on black. ")
        shaded.font.color.rgb = RGBColor(255, 255, 255)
        shaded._r.get_or_add_rPr().append(parse_xml(f'<w:shd {nsdecls("w")} w:fill="000000"/>'))
        style = document.styles.add_style("Ghost", 2)
        style.font.hidden = True
        paragraph.add_run("SECRET by style ", style="Ghost")
        for change in ("del", "moveFrom"):
            paragraph._p.append(
                parse_xml(f"<w:{change} {nsdecls('w')}><w:r><w:t>SECRET {change}</w:t></w:r></w:{change}>")
            )
        paragraph._p.append(parse_xml(f"<w:ins {nsdecls('w')}><w:r><w:t>Inserted.</w:t></w:r></w:ins>"))
        paragraph._p.append(parse_xml(f"<w:r {nsdecls('w')}><w:instrText>SECRET code</w:instrText></w:r>"))
        document.core_properties.comments = "SECRET"
        document.add_comment(paragraph.runs, text="SECRET comment")

    assert read(tmp_path, office.docx(write)).text == "Seen. White on black. Inserted."


# -- PowerPoint


def test_pptx(tmp_path: Path) -> None:
    def write(deck: Any) -> None:
        deck.core_properties.title = "The birds"
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = "Owls"
        slide.placeholders[1].text = "By night\nBy day"
        slide.placeholders[1].text_frame.paragraphs[1].level = 1
        slide.notes_slide.notes_text_frame.text = "Speak slowly."
        hidden = deck.slides.add_slide(deck.slide_layouts[5])
        hidden.shapes.title.text = "SECRET slide"
        hidden._element.set("show", "0")
        third = deck.slides.add_slide(deck.slide_layouts[6])
        table = third.shapes.add_table(2, 2, Inches(1), Inches(1), Inches(4), Inches(2)).table
        for at, text in enumerate(["Bird", "Eggs", "Owl", "4"]):
            table.cell(at // 2, at % 2).text = text
        third.shapes.add_textbox(Inches(40), 0, Inches(1), Inches(1)).text_frame.text = "SECRET off the slide"
        box = third.shapes.add_textbox(Inches(1), Inches(5), Inches(4), Inches(1)).text_frame
        box.text = "Seen"
        box.paragraphs[0].add_run().text = " SECRET"
        box.paragraphs[0].runs[1].font.size = Pt(1)
        deck.slides.add_slide(deck.slide_layouts[6])

    extracted = read(tmp_path, office.pptx(write))
    assert (extracted.kind, extracted.title) == ("pptx", "The birds")
    assert extracted.text == (
        "## Slide 1: Owls\n\n- By night\n  - By day\n\nNotes: Speak slowly.\n\n"
        "## Slide 3\n\n| Bird | Eggs |\n| --- | --- |\n| Owl | 4 |\n\nSeen"
    )


# -- Excel


def test_xlsx(tmp_path: Path) -> None:
    def write(workbook: Workbook) -> None:
        sheet = workbook.add_worksheet("Prices")
        for row, cells in enumerate(
            [["Item", "", "Price"], ["Apple", "", 3.0], ["Pear", "", 2.5], [], ["End"]], 2
        ):
            sheet.write_row(row, 1, cells)
        sheet.write_formula(9, 1, "=1+1", None, 2)
        workbook.add_worksheet("Hidden").hide()
        workbook.get_worksheet_by_name("Hidden").write(0, 0, "SECRET")

    extracted = read(tmp_path, office.xlsx(write), name="prices.csv")
    assert extracted.kind == "sheets"
    assert extracted.text == (
        "## Prices\n\n| Item | Price |\n| --- | --- |\n| Apple | 3 |\n| Pear | 2.5 |\n\n"
        "| End |\n| --- |\n\n| 2 |\n| --- |"
    )


# -- OpenDocument and books


def test_odt(tmp_path: Path) -> None:
    styles = (
        '<style:style style:name="H"><style:text-properties text:display="none"/></style:style>'
        '<style:style style:name="Z"><style:text-properties fo:font-size="0pt"/></style:style>'
    )
    body = (
        "<text:tracked-changes><text:p>SECRET</text:p></text:tracked-changes>"
        '<text:h text:outline-level="2">Owls</text:h>'
        '<text:p>A<text:s/>b<text:line-break/>c<text:span text:style-name="H">SECRET</text:span>'
        "<office:annotation><text:p>SECRET</text:p></office:annotation></text:p>"
        '<text:p text:style-name="Z">SECRET</text:p>'
        "<text:list><text:list-item><text:p>one</text:p></text:list-item>"
        "<text:list-item><text:p>two</text:p></text:list-item></text:list>"
        '<table:table><table:table-row><table:table-cell table:number-columns-repeated="2"><text:p>x</text:p>'
        '</table:table-cell><table:table-cell table:number-columns-repeated="16000"/></table:table-row>'
        "</table:table>"
    )
    extracted = read(tmp_path, office.odt(body, styles))
    assert extracted.kind == "odt"
    assert extracted.text == "## Owls\n\nA b\nc\n\n- one\n- two\n\n| x | x |\n| --- | --- |"


def test_epub(tmp_path: Path) -> None:
    chapters = {"one": "<h1>One</h1><p>First</p>", "two": "<h1>Two</h1><p hidden>SECRET</p><p>Second</p>"}
    book = office.epub(chapters, title="The book", order=["two", "one", "absent"])
    extracted = read(tmp_path, book)
    assert (extracted.kind, extracted.title) == ("epub", "The book")
    assert extracted.text == "# Two\n\nSecond\n\n# One\n\nFirst"


# -- what cannot be read


def bomb(part: str) -> bytes:
    return office.archive({part: bytes(64 << 20)})


def many_parts() -> bytes:
    return office.archive({"word/document.xml": "x", **{f"p{number}": "" for number in range(20_001)}})


def encrypted_zip() -> bytes:
    content = bytearray(office.archive({"word/document.xml": "x"}))
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    return bytes(content)


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)
PROTECTED = "<encryption><EncryptedData><EncryptionMethod Algorithm='aes'/></EncryptedData></encryption>"


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (bomb("word/document.xml"), "a.docx", "too_large_unpacked"),
        (bomb("xl/workbook.xml"), "a.xlsx", "too_large_unpacked"),
        (bomb("ppt/presentation.xml"), "a.pptx", "too_large_unpacked"),
        (many_parts(), "a.docx", "too_large_unpacked"),
        (encrypted_zip(), "a.docx", "encrypted_document"),
        (office.archive({"word/document.xml": "<x/>"}), "a.docx", "corrupt_document"),
        (office.docx(lambda document: None)[:-200], "a.docx", "corrupt_document"),
        (b"PK\x03\x04 and rubbish", "a.docx", "corrupt_document"),
        (b"plain words", "a.docx", "corrupt_document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.xls", "corrupt_document"),
        (office.docx(lambda document: None), "a.docx", "no_text"),
        (office.odt(""), "a.odt", "no_text"),
        (
            office.epub({"a": "x"}, title="t", order=["a"], **{"META-INF/encryption.xml": PROTECTED}),
            "a.epub",
            "encrypted_document",
        ),
    ],
)
def test_reasons(tmp_path: Path, content: bytes, name: str, code: str) -> None:
    with pytest.raises(UnreadableDocument) as refusal:
        read(tmp_path, content, name=name)
    assert refusal.value.code == code


def test_entities_are_not_expanded_and_nothing_is_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    outside = f'<!DOCTYPE x [<!ENTITY a SYSTEM "{secret.as_uri()}">]>'
    for doctype, entity in ((LAUGHS, "&j;"), (outside, "&a;")):
        text = read(tmp_path, f"<?xml version='1.0'?>{doctype}<x><y>seen {entity}</y></x>".encode()).text
        assert text == "y: seen"
        body = office.archive(
            {
                "mimetype": "application/vnd.oasis.opendocument.text",
                "content.xml": f"{doctype}<office:document-content {office.ODF}><office:body><office:text>"
                f"<text:p>seen {entity}</text:p></office:text></office:body></office:document-content>",
            }
        )
        assert read(tmp_path, body).text == "seen"


def test_macros_are_left_alone(tmp_path: Path) -> None:
    content = office.docx(lambda document: document.add_paragraph("Seen."))
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("word/vbaProject.bin", b"Sub AutoOpen()")
    assert read(tmp_path, out.getvalue(), name="a.docm").text == "Seen."
