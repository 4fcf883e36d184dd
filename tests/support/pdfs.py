"""PDFs as the tests need them, made with reportlab and pypdf."""

import io
import zlib

from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas


def pdf(*pages: str, title: str | None = None) -> bytes:
    """One line of text a page."""
    out = io.BytesIO()
    canvas = Canvas(out)
    if title is not None:
        canvas.setTitle(title)
    for text in pages:
        canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def encrypted(content: bytes, password: str) -> bytes:
    return _written(PdfWriter(clone_from=PdfReader(io.BytesIO(content))), password)


def blank_pages(count: int) -> bytes:
    """``count`` may be 0."""
    writer = PdfWriter()
    for _ in range(count):
        writer.add_blank_page(200, 200)
    return _written(writer)


def _written(writer: PdfWriter, password: str | None = None) -> bytes:
    if password is not None:
        writer.encrypt(user_password=password, owner_password="owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def unmapped(line: str) -> bytes:
    """A page whose font does not say which letters its glyphs are, but for ``line``."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(line))))
    page = writer.pages[0]
    contents = page.get_contents()
    assert contents is not None
    glyphs = "".join(f"\\{1 + number % 8:03o}" for number in range(60))
    contents.set_data(contents.get_data() + f"\nBT /F1 12 Tf 72 600 Td ({glyphs}) Tj ET".encode())
    page.replace_contents(contents)
    return _written(writer)


def bomb() -> bytes:
    """A page of 3 kB whose content grows to 256 MB: a stream packed twice."""
    content = b" " * (1 << 20)
    packer = zlib.compressobj(9)
    once = b"".join(packer.compress(content) for _ in range(1 << 8)) + packer.flush()
    twice = zlib.compress(once, 9)
    head = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    head += b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    page = b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj\n"
    stream = b"4 0 obj<</Filter[/FlateDecode/FlateDecode]/Length %d>>stream\n%b\nendstream endobj\n"
    return head + page + stream % (len(twice), twice) + b"trailer<</Root 1 0 R>>\n%%EOF"
