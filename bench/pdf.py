"""PDF pages a second: ours, with the order of every line rebuilt, against pypdf's plain extraction."""

import io
import os
from pathlib import Path

from pypdf import PdfReader

from bench.figures import Figure, alternated
from ingest.pdf import extract_pdf
from ingest.records import Limits

ROOT = Path(__file__).parents[1]
LIMITS = Limits(pages=100, chars=10_000_000, ocr=False)


def measure() -> list[Figure]:
    """English always; Persian and Chinese where ``SIMURGH_DATA`` holds the printed set."""
    printed = Path(os.environ.get("SIMURGH_DATA", "")) / "documents" / "pdf" / "printed"
    sets = {
        "English": [ROOT / "docs" / "samples" / "handbook-en.pdf"],
        "Persian": sorted(printed.glob("fa-*.pdf")),
        "Chinese": sorted(printed.glob("zh-*.pdf")),
    }
    return [_figure(name, [file.read_bytes() for file in files]) for name, files in sets.items() if files]


def _figure(name: str, documents: list[bytes]) -> Figure:
    pages = sum(len(PdfReader(io.BytesIO(content)).pages) for content in documents)

    def ours() -> None:
        for content in documents:
            extract_pdf(content, LIMITS)

    def plain() -> None:
        for content in documents:
            for page in PdfReader(io.BytesIO(content)).pages:
                page.extract_text()

    seconds, rival = alternated(ours, plain)
    return Figure(
        name=f"reading PDF pages, {name}, over pypdf",
        ours=pages / seconds,
        rival=pages / rival,
        unit="pages/s",
    )
