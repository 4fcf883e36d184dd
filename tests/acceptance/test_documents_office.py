"""Office files, mails, books and data that broke others: each ends in text or in a clear error, and soon."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexes.errors import UnreadableDocument
from ingest.cage import ExtractionCage
from ingest.extract import Extracted, Limits

SECONDS = 10.0
REASONS = {
    "eml/empty.eml": "empty",
    "eml/fake-encrypted.eml": "encrypted_document",
    "html/fake-html-cp1252.html": "not_utf8",
    "md/umlauts-non-utf8.md": "not_utf8",
    "msg/fake-encrypted.msg": "encrypted_document",
    "pptx/picture.pptx": "no_text",
    "pptx/test-image-jpg-mime.pptx": "no_text",
    "txt/empty.txt": "empty",
    "txt/fake-text-all-whitespace.txt": "empty",
    "xlsx/empty.xlsx": "no_text",
    "xlsx/password_protected.xlsx": "encrypted_document",
}
HUMAN = "All human beings are born free and equal in dignity and rights."
WORDS = {
    **{
        f"{kind}/eng_spa_mult.{kind}": [HUMAN, "Todos los seres humanos nacen libres"]
        for kind in ("docx", "eml", "epub", "html", "md", "odt", "org", "pptx", "rst", "rtf", "txt", "xml")
    },
    "csv/stanley-cups.csv": ["| Team | Location | Stanley Cups |", "| Maple Leafs | TOR | 13 |"],
    "csv/stanley-cups-utf-16.csv": ["| Blues | STL | 1 |"],
    "csv/semicolon-delimited.csv": ["| Lorem, ipsum | dolor sit | amet |"],
    "tsv/stanley-cups.tsv": ["| Flyers | PHI | 2 |"],
    "docx/category-level.docx": ["Call me Ishmael."],
    "docx/docx-hdrftr.docx": ["Main document"],
    "docx/docx-tables.docx": ["| Header Col 1 | Header Col 2 |", "| Lorem ipsum | A link example |"],
    "docx/duplicate-paragraphs.docx": ["# This document contains duplicates"],
    "docx/handbook-1p.docx": ["The United States Trustee appoints"],
    "docx/hlink-meta.docx": ["Three with link to foo.com."],
    "docx/simple.docx": ["# These are a few of my favorite things:", "- Hockey"],
    "docx/tables-with-incomplete-rows.docx": ["| a | b |"],
    "docx/teams_chat.docx": ["James Bond"],
    "eml/email-no-utf8-2008-07-16.062410.eml": ["# RE: שלום"],
    "eml/fake-email-utf-16-be.eml": ["# Test Email", "Roses are red"],
    "eml/mime-different-plain-html.eml": ["# Example MIME Email"],
    "eml/mime-word-encoded-subject.eml": ["Simple email with ☸☿ Unicode subject"],
    "epub/winter-sports.epub": ["Winter Sports in Switzerland", "| "],
    "html/example-with-scripts.html": ["# Russian Offensive Campaign Assessment, December 13"],
    "html/fake-html.html": ["# My First Heading", "My first paragraph."],
    "json/single-line-object.json": ["name: Garden Trowel"],
    "md/umlauts-utf8.md": ["## können"],
    "msg/fake-email.msg": ["# Test Email", "Roses are red"],
    "msg/fake-email-attachment.msg": ["Attachments: fake-attachment.txt"],
    "odt/fake.odt": ["| Header row | Mon | Wed | Fri |", "| Color | Blue | Red | Green |"],
    "odt/simple.odt": ["# These are a few of my favorite things:", "- Hockey"],
    "pptx/fake-power-point-table.pptx": [
        "## Slide 1: A Slide with a Table",
        "| Column 1 | Column 2 | Column 3 |",
    ],
    "pptx/fake-power-point-malformed.pptx": ["## Slide 1: Test Slide"],
    "pptx/sample-presentation.pptx": ["With a subtitle", "| 1 | A1 | B1 | C1 |"],
    "rtf/fake-doc.rtf": ["My First Heading", "| Column 1 | Column 2 |"],
    "txt/fake-text-utf-16-be.txt": ["This is a test document to use for unit tests."],
    "txt/fake-text-utf-32.txt": ["This is a test document to use for unit tests."],
    "txt/norwich-city.txt": ["Iwan Roberts"],
    "xlsx/emoji.xlsx": ["🤠😅"],
    "xlsx/stanley-cups.xlsx": ["## Stanley Cups", "| Blues | STL | 1 |"],
    "xlsx/vodafone.xlsx": ["## Index", "Financial performance"],
    "xml/factbook.xml": ["name: United States\ncapital: Washington, DC"],
}


@pytest.fixture(scope="module")
def cage() -> Iterator[ExtractionCage]:
    made = ExtractionCage(limits=Limits(pages=5000, chars=20_000_000), timeout=60)
    yield made
    made.close()


@pytest.mark.shared
def test_every_file_ends_in_text_or_a_reason(shared_data: Path, cage: ExtractionCage) -> None:
    folder = shared_data / "documents" / "office"
    names = sorted(str(file.relative_to(folder)) for file in folder.glob("*/*"))
    assert len(names) > 100
    _read(cage, folder / "html" / "fake-html.html")  # libraries that are loaded once a process
    outcomes, slow = {}, {}
    for name in names:
        begun = time.monotonic()
        outcomes[name] = _read(cage, folder / name)
        if time.monotonic() - begun > SECONDS:
            slow[name] = time.monotonic() - begun
    assert slow == {}
    reasons = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, str)}
    assert reasons == REASONS
    texts = {name: outcome.text for name, outcome in outcomes.items() if isinstance(outcome, Extracted)}
    absent = {
        name: [words for words in wanted if words not in texts.get(name, "")]
        for name, wanted in WORDS.items()
    }
    assert {name: words for name, words in absent.items() if words} == {}


def _read(cage: ExtractionCage, file: Path) -> Extracted | str:
    """What was read, or the error's code."""
    try:
        extracted = cage.extract(file, name=file.name, hint=None, url=None)
    except UnreadableDocument as error:
        return error.code
    assert extracted.text.strip()
    extracted.text.encode()  # no lone surrogate, which no database takes
    return extracted
