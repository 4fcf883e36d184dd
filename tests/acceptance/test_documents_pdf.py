"""PDFs of other programs: printed pages come out as they are read, broken ones end soon in a clear error."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexes.errors import UnreadableDocument
from ingest.cage import ExtractionCage
from ingest.extract import Limits
from ingest.pdf import extract_pdf
from tests.support.recall import ordered_recall, word_recall

SECONDS = 10.0  # for one file, and as long again on a busy machine
LIMITS = Limits(pages=5000, chars=20_000_000, ocr=False)
PRINTED = ["fa-1", "fa-2", "fa-3", "fa-4", "zh-1", "zh-2", "zh-3"]


@pytest.fixture(scope="module")
def cage() -> Iterator[ExtractionCage]:
    made = ExtractionCage(limits=LIMITS, timeout=2 * SECONDS)
    yield made
    made.close()


@pytest.mark.shared
@pytest.mark.parametrize("name", PRINTED)
def test_printed_pages_come_out_in_reading_order(shared_data: Path, name: str) -> None:
    folder = shared_data / "documents" / "pdf" / "printed"
    truth = (folder / f"{name}.txt").read_text(encoding="utf-8")
    found = extract_pdf((folder / f"{name}.pdf").read_bytes(), LIMITS)
    assert ordered_recall(truth, found.text) >= 0.98
    if name.startswith("fa"):
        assert word_recall(truth, found.text) >= 0.95
    else:  # a Chinese "word" is a sentence or a paragraph, lost by one space that the page does not show
        assert word_recall(truth, found.text) >= 0.7
    assert found.page_starts is not None
    assert len(found.page_starts) == (2 if name in ("zh-1", "zh-2") else 1)


@pytest.mark.shared
@pytest.mark.parametrize("folder", ["awkward", "samples"])
def test_every_file_ends_in_text_or_a_reason(shared_data: Path, cage: ExtractionCage, folder: str) -> None:
    files = sorted((shared_data / "documents" / "pdf" / folder).rglob("*.pdf"))
    assert files
    outcomes = {file.name: _read(cage, file) for file in files}
    slow = {name: seconds for name, (_outcome, seconds) in outcomes.items() if seconds > SECONDS}
    assert slow == {}
    reasons = {name: outcome for name, (outcome, _seconds) in outcomes.items() if outcome != "text"}
    assert "parser_died" not in reasons.values(), reasons
    assert "unreadable_document" not in reasons.values(), reasons
    assert sum(outcome == "text" for outcome, _seconds in outcomes.values()) >= 0.6 * len(files), reasons


def _read(cage: ExtractionCage, file: Path) -> tuple[str, float]:
    """``text``, or the error's code, and the seconds it took."""
    begun = time.monotonic()
    try:
        extracted = cage.extract(file, name=file.name, hint=None, url=None)
        assert extracted.text.strip()
        extracted.text.encode()  # no lone surrogate, which no database takes
        assert extracted.page_starts == sorted(extracted.page_starts or [])
        outcome = "text"
    except UnreadableDocument as error:
        outcome = error.code
    return outcome, time.monotonic() - begun
