"""Honest files of every kind that is read, to be mutated. The same on every machine and day."""

import io
import json
from email.message import EmailMessage
from typing import Any

from tests.hostile import parts
from tests.hostile.compound import compound
from tests.support import office

ENGLISH = "The ferry leaves the northern pier at noon. Tickets cost 12 euros."
PERSIAN = "کشتی ظهر از اسکلهٔ شمالی می‌رود. بهای بلیت ۱۲ یورو است."
CHINESE = "渡轮中午从北码头出发，船票十二欧元。"


def seeds() -> dict[str, bytes]:
    """By the ending of the name."""
    return {
        "pdf": parts.page(b"BT /F1 12 Tf 72 720 Td (%b) Tj 0 -14 Td (Second line) Tj ET" % ENGLISH.encode()),
        "rtl.pdf": right_to_left(),
        "docx": office.docx(_docx),
        "pptx": office.pptx(_pptx),
        "xlsx": office.xlsx(_xlsx),
        "odt": office.odt(
            f"<text:h>Ferry</text:h><text:p>{PERSIAN}</text:p><text:list><text:list-item><text:p>one</text:p>"
            "</text:list-item></text:list><table:table><table:table-row><table:table-cell><text:p>a</text:p>"
            "</table:table-cell></table:table-row></table:table>"
        ),
        "epub": office.epub(
            {"one": f"<h1>One</h1><p>{ENGLISH}</p>", "two": f"<p>{CHINESE}</p>"},
            title="T",
            order=["one", "two"],
        ),
        "eml": _mail(),
        "msg": compound({"__properties_version1.0": b"\0" * 600, **_message()}),
        "rtf": (
            rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\info{\title Ferry}}\f0 The ferry\par \v hidden\v0 leaves"
            rb"\par\trowd\cellx100\cellx200 a\cell b\cell\row \u1587?\'e9}"
        ),
        "html": (
            f"<!doctype html><html><head><meta charset=utf-8><title>Ferry</title></head><body><nav>menu</nav>"
            f"<h1>Ferry</h1><p style='color:red'>{ENGLISH}</p><table><tr><th>a<th>b<tr><td>1<td>2</table>"
            f"<ul><li>{PERSIAN}</ul><div hidden>unseen</div><pre>code\nmore</pre>"
            f"{'<p>' + CHINESE + '</p>' * 40}</body></html>"
        ).encode(),
        "md": f"# Ferry\n\n{ENGLISH}\n\n## Times\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n- {PERSIAN}\n\n"
        "```\ncode\n```\n<div hidden>x</div>\n".encode(),
        "txt": f"{ENGLISH}\n{PERSIAN}\n{CHINESE}\n".encode(),
        "csv": f'pier,time,"price, euros"\n"north ""old""",12:00,12\nsouth,13:00,{CHINESE}\n'.encode() * 3,
        "json": json.dumps(
            [{"pier": "north", "times": [12, 13.5, None], "note": {"fa": PERSIAN}}] * 3
        ).encode(),
        "jsonl": b'{"a": 1, "b": "two"}\n{"a": 2, "b": "three"}\n',
        "xml": (
            "<?xml version='1.0'?><ferry xmlns='urn:x'><pier a='1'>north</pier>"
            f"<p>{ENGLISH} <b>x</b></p></ferry>"
        ).encode(),
        "png": _picture("PNG"),
        "jpg": _picture("JPEG"),
        "tif": _picture("TIFF"),
    }


def _docx(document: Any) -> None:
    document.add_heading("Ferry", 1)
    document.add_paragraph(ENGLISH)
    document.add_paragraph(PERSIAN, style="List Bullet")
    table = document.add_table(2, 2)
    table.cell(0, 0).text = CHINESE


def _pptx(deck: Any) -> None:
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Ferry"
    slide.placeholders[1].text = f"{ENGLISH}\n{PERSIAN}"
    slide.notes_slide.notes_text_frame.text = CHINESE


def _xlsx(book: Any) -> None:
    sheet = book.add_worksheet("Times")
    for row in range(20):
        sheet.write_row(row, 0, [ENGLISH, row, PERSIAN, f"=A{row + 1}"])


def _mail() -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "a@example.org", "b@example.org"
    message["Subject"], message["Date"] = PERSIAN, "Mon, 01 Jan 2024 12:00:00 +0000"
    message["Message-ID"] = "<1@example.org>"
    message.set_content(ENGLISH)
    message.add_alternative(f"<p>{ENGLISH}</p><p>{CHINESE}</p>", subtype="html")
    message.add_attachment("name,time\nnorth,12", subtype="csv", filename="times.csv")
    message.get_payload()[0].set_boundary("inner")  # type: ignore[union-attr]
    message.set_boundary("outer")
    return message.as_bytes()


def _message() -> dict[str, bytes]:
    return {
        "__substg1.0_0037001F": "Ferry".encode("utf-16-le"),
        "__substg1.0_0C1A001F": "Somebody".encode("utf-16-le"),
        "__substg1.0_1000001F": f"{ENGLISH}\n{PERSIAN}".encode("utf-16-le") * 40,
    }


def right_to_left() -> bytes:
    """A page whose Latin codes stand for Arabic letters, by its font's ToUnicode map."""
    pairs = "".join(f"<{65 + at:02x}> <{0x0627 + at:04x}>\n" for at in range(20))
    to_unicode = (
        "/CIDInit /ProcSet findresource begin begincmap /CMapType 2 def\n1 begincodespacerange <00> <ff> "
        f"endcodespacerange\n20 beginbfchar\n{pairs}endbfchar endcmap end"
    ).encode()
    lines = b"".join(b"0 -16 Td (ABCDE FGHIJ 12 KLM NOPQ) Tj\n" for _ in range(30))
    objects = parts.page_objects(b"BT /F1 12 Tf 72 800 Td %b ET" % lines)
    objects[4] = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>"
    return parts.pdf(*objects, parts.stream(to_unicode))


def _picture(form: str) -> bytes:
    from PIL import Image, ImageDraw

    picture = Image.new("L", (700, 160), 255)
    draw = ImageDraw.Draw(picture)
    draw.text((20, 40), "The ferry leaves at noon", fill=0, font_size=48)
    out = io.BytesIO()
    picture.save(out, form)
    return out.getvalue()
