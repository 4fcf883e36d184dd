"""Pictures of text: read where there is an OCR, named as scans where there is none."""

import io
import random
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from indexes.errors import UnreadableDocument
from ingest.extract import extract
from ingest.ocr import FakeOcr, Tesseract, installed, may_hold_text, paragraphs
from ingest.pdf import extract_pdf
from ingest.picture import extract_picture
from ingest.records import Limits
from tests.support import pdfs
from tests.support.left_out import leave_out

LIMITS = Limits(pages=10, chars=100_000)
FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
TEXT = "The reading room opens at nine"


def drawn(*lines: str) -> Image.Image:
    picture = Image.new("L", (1200, 150 + 90 * len(lines)), "white")
    font = ImageFont.truetype(str(FONT), 48)
    for number, line in enumerate(lines):
        ImageDraw.Draw(picture).text((60, 60 + 90 * number), line, font=font, fill="black")
    return picture


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def scan(*pages: Image.Image | str) -> bytes:
    """A PDF of pictures, and of lines of text."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(600, 400))
    for page in pages:
        if isinstance(page, str):
            canvas.drawString(72, 300, page)
        else:
            canvas.drawImage(ImageReader(page), 0, 0, 600, 400)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


@pytest.fixture(scope="module")
def tesseract() -> Tesseract:
    found = installed()
    if found is None:
        leave_out("Tesseract is not installed (apt-get install tesseract-ocr)")
    return found


def test_a_scan_is_named_where_nothing_can_read_it() -> None:
    with pytest.raises(UnreadableDocument, match="Tesseract") as refusal:
        extract_pdf(scan(drawn(TEXT)), LIMITS, ocr=None)
    assert refusal.value.code == "scanned"
    with pytest.raises(UnreadableDocument) as refusal:
        extract_picture(saved(drawn(TEXT)), "png", None)
    assert refusal.value.code == "scanned"


def test_blank_pages_are_no_scan() -> None:
    with pytest.raises(UnreadableDocument) as refusal:
        extract_pdf(pdfs.blank_pages(2), LIMITS, FakeOcr("nothing to see"))
    assert refusal.value.code == "no_text"


def test_only_pages_without_text_are_read_as_pictures() -> None:
    extracted = extract_pdf(scan("Page one", drawn(TEXT), "Page three"), LIMITS, FakeOcr("seen"))
    assert (extracted.text, extracted.page_starts) == ("Page one\n\nseen\n\nPage three", [0, 10, 16])
    without = extract_pdf(scan("Page one", drawn(TEXT), "Page three"), LIMITS, None)
    assert (without.text, without.page_starts) == ("Page one\n\n\n\nPage three", [0, 10, 12])
    assert (extracted.unread_pages, without.unread_pages) == ([], [2])


def test_letters_that_no_one_can_name_are_read_from_the_picture() -> None:
    content = pdfs.unmapped("A heading")
    assert extract_pdf(content, LIMITS, FakeOcr("all of it")).text == "all of it"
    assert extract_pdf(content, LIMITS, FakeOcr("")).text == "A heading"
    without = extract_pdf(content, LIMITS, None)
    assert (without.text, without.unread_pages) == ("A heading", [1])


def test_a_picture_in_which_nothing_is_seen() -> None:
    for read in (
        lambda: extract_pdf(scan(drawn("")), LIMITS, FakeOcr("")),
        lambda: extract_picture(saved(drawn("")), "png", FakeOcr("")),
    ):
        with pytest.raises(UnreadableDocument) as refusal:
            read()
        assert refusal.value.code == "no_text"


def test_each_frame_is_a_page() -> None:
    content = saved(drawn("a"), "TIFF", save_all=True, append_images=[drawn("b")])
    extracted = extract_picture(content, "tiff", FakeOcr("seen"))
    assert (extracted.text, extracted.page_starts, extracted.kind) == ("seen\n\nseen", [0, 6], "tiff")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + bytes(20), saved(drawn("a"))[:200]])
def test_damaged_pictures(content: bytes) -> None:
    with pytest.raises(UnreadableDocument) as refusal:
        extract_picture(content, "png", FakeOcr("seen"))
    assert refusal.value.code == "corrupt_image"


def test_paragraphs_are_lines() -> None:
    read = "The first line of a para-\ngraph and its end.\n\n图 书 馆\n今天 开门\n\n\u200fسلام\nدنیا\n\x0c"
    assert paragraphs(read) == "The first line of a paragraph and its end.\n图书馆今天开门\nسلام دنیا"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_tesseract_reads_a_picture(tesseract: Tesseract, tmp_path: Path, kind: str) -> None:
    (tmp_path / "content").write_bytes(saved(drawn(TEXT, "and closes at five"), kind))
    extracted = extract(tmp_path / "content", name="x", hint=None, url=None, limits=LIMITS)
    assert "reading room opens at nine" in extracted.text
    assert extracted.kind == kind.lower()


def test_tesseract_reads_a_scanned_page_upside_down(tesseract: Tesseract) -> None:
    lines = [
        "The reading room opens at nine",
        "every day except on Friday, and",
        "closes at five in the winter.",
    ]
    page = drawn(*lines, *lines).rotate(180)
    assert "reading room opens at nine" in extract_pdf(scan(page), LIMITS, tesseract).text


def test_noise_and_specks_are_not_looked_at() -> None:
    noise = Image.frombytes("L", (600, 600), random.Random(1).randbytes(360_000))
    stripes = Image.frombytes("L", (600, 600), b"\x00\xff" * 180_000)
    grainy = drawn(TEXT)  # a scanner's grain on white paper
    for at in range(0, grainy.width * grainy.height, 2):
        place = at % grainy.width, at // grainy.width
        grainy.putpixel(place, max(0, grainy.getpixel(place) - 9))
    assert not any(map(may_hold_text, (noise, stripes, Image.new("L", (8, 2000)))))
    assert all(map(may_hold_text, (drawn(TEXT), grainy, Image.new("L", (600, 600), 255))))
