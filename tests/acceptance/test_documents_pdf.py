"""PDFs that broke other readers: each ends in text or in a clear error, and soon."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexes.errors import UnreadableDocument
from ingest.cage import ExtractionCage
from ingest.extract import Limits

SECONDS = 20.0


@pytest.fixture(scope="module")
def cage() -> Iterator[ExtractionCage]:
    made = ExtractionCage(limits=Limits(pages=5000, chars=20_000_000), timeout=SECONDS)
    yield made
    made.close()


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
