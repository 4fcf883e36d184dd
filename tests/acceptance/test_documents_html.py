"""Web pages of many publishers: what belongs to the article is stored, what stands around it is not."""

import json
from pathlib import Path

import pytest

from indexes.errors import UnreadableDocument
from ingest.extract import Limits, extract
from ingest.hidden import clean

WANTED, UNWANTED = 0.95, 0.90  # shares of the segments that must, and must not, be in the text
LIMITS = Limits(pages=100, chars=10_000_000)


@pytest.mark.shared
def test_main_content(shared_data: Path) -> None:
    folder = shared_data / "documents" / "html"
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    wanted = found = unwanted = left_out = 0
    report = []
    for url, page in truth.items():
        text = _line(_text(folder / "pages" / page["file"], url))
        missing = [segment for segment in page["with"] if _line(segment) not in text]
        leaked = [segment for segment in page["without"] if _line(segment) in text]
        wanted += len(page["with"])
        found += len(page["with"]) - len(missing)
        unwanted += len(page["without"])
        left_out += len(page["without"]) - len(leaked)
        report.append(f"{page['file']}: misses {missing}, leaks {leaked}")
    report.append(f"{len(truth)} pages: wanted {found}/{wanted}, unwanted left out {left_out}/{unwanted}")
    print("\n".join(report))  # noqa: T201  seen with -s, and where it fails
    assert len(truth) > 50
    assert found >= WANTED * wanted
    assert left_out >= UNWANTED * unwanted


def _text(file: Path, url: str) -> str:
    try:
        return extract(file, name=file.name, hint=None, url=url, limits=LIMITS).text
    except UnreadableDocument:
        return ""


def _line(text: str) -> str:
    """As it is stored, white space collapsed."""
    return " ".join(clean(text).split())
