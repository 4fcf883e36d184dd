"""Files of real text: text, web pages, PDFs made here, and the printed PDFs of the public sets."""

import io
from collections.abc import Sequence
from html import escape

from evaluation.datasets import LANGUAGES, data_folder

PRINTED = ("fa-1", "fa-2", "zh-1", "zh-2")


def pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """Each page's paragraphs, in Latin letters; what does not fit on it is left out."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.utils import simpleSplit
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, pageCompression=1)
    _width, height = A4
    for paragraphs in pages:
        lines = canvas.beginText(72, height - 72)
        lines.setFont("Helvetica", 10)
        for text in paragraphs:
            for line in simpleSplit(text.encode("cp1252", "ignore").decode("cp1252"), "Helvetica", 10, 450):
                if lines.getY() > 72:
                    lines.textLine(line)
            lines.textLine()
        canvas.drawText(lines)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def mixed(texts: dict[str, list[str]], *, paragraphs: int) -> list[tuple[str, bytes]]:
    """Of each language a text and a web page of so many paragraphs (12 are about four printed pages), a PDF
    in English of twice as many, and printed ones. No paragraph twice."""
    files = []
    for language in LANGUAGES:
        own = texts[language]
        plain, web = own[:paragraphs], own[paragraphs : 2 * paragraphs]
        files.append((f"{language}.txt", "\n\n".join(plain).encode()))
        files.append((f"{language}.html", _page(web, language).encode()))
    rest = texts["en"][2 * paragraphs : 4 * paragraphs]
    files.append(("en.pdf", pdf([rest[at : at + 4] for at in range(0, len(rest), 4)])))
    printed = data_folder() / "documents" / "pdf" / "printed"
    return [
        *files,
        *(
            (f"{name}.pdf", (printed / f"{name}.pdf").read_bytes())
            for name in PRINTED[: max(1, paragraphs // 3)]
        ),
    ]


def _page(paragraphs: Sequence[str], language: str) -> str:
    body = "".join(f"<p>{escape(text)}</p>\n" for text in paragraphs)
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{language}</title></head>'
        f"<body><nav><a href='/'>Home</a></nav><main><article>{body}</article></main></body></html>"
    )
