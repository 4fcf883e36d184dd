"""What hostile files and the fuzzer found: texts dearer to read than to write, or refused for nothing."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.markers import without_markers
from indexes.errors import UnreadableDocument
from ingest import markdown
from ingest.archive import xml
from ingest.chunker import PIECE, RUN, Chunker
from ingest.data import json_text, lines
from ingest.headings import Trail
from ingest.html import extract_html
from ingest.sheets import extract_sheets
from ingest.styles import hides
from tests.support import office
from tests.support.words import word_tokenizer

SLOWEST = 2.0  # seconds of computing; each took from ten to thousands


def trail(text: str) -> Trail:
    return Trail(text, title=None)


@pytest.mark.parametrize(
    ("work", "text"),
    [
        (trail, "# a" + " " * 30_000 + "b"),
        (trail, "# a " + "#" * 30_000 + " b"),
        (hides, "color:" + "/* " * 100_000),
        (hides, "font-size:" + "1" * 100_000 + "x"),
        (without_markers, "a" + " " * 50_000 + "b"),
        (extract_html, "<p>text</p>" + "<noscript" * 50_000),
        (extract_html, "<p>text</p><p " + " ".join(f"a{n}=1" for n in range(50_000)) + ">x</p>"),
    ],
)
def test_the_time_grows_with_the_text_only(work: Callable[..., object], text: str) -> None:
    begun = time.process_time()
    work(text, None) if work is extract_html else work(text)
    assert time.process_time() - begun < SLOWEST


@pytest.mark.parametrize(
    "text", ["a.a" * 30_000, "&a;" * 30_000, " \t#" * 30_000, "渡。" * 40_000, "x" * 90_000]
)
def test_long_runs_are_chunked_soon_and_whole(tmp_path: Path, text: str) -> None:
    chunker = Chunker(word_tokenizer(tmp_path), tokens=64)
    begun = time.process_time()
    chunks = list(chunker.chunks(text, markdown=True, page_starts=None))
    assert time.process_time() - begun < 5 * SLOWEST
    assert all(chunk.text == text[chunk.start : chunk.end] for chunk in chunks)
    assert sum(len("".join(chunk.text.split())) for chunk in chunks) == len("".join(text.split()))


def test_a_run_is_cut_behind_a_mark_and_a_long_text_between_paragraphs(tmp_path: Path) -> None:
    chunker = Chunker(word_tokenizer(tmp_path), tokens=400)
    run = "x" * (RUN - 100) + "." + "y" * RUN
    first = next(iter(chunker.chunks(run, markdown=False, page_starts=None)))
    assert first.text == "x" * 400 + "."
    paragraph = "word " * 20 + "\n\n"
    text = paragraph * (3 * PIECE // len(paragraph))
    assert all(
        chunk.text.startswith("word") and chunk.text.endswith("word")
        for chunk in chunker.chunks(text, markdown=False, page_starts=None)
    )


def test_controls_in_a_page_are_no_reason_to_refuse_it() -> None:
    page = "<p>fer\x00ry\x1f</p><div hidden>x</div>\x0bat \x0c noon"
    assert extract_html(page, None).text.split() == ["ferry", "at", "noon"]


def test_odd_colours_are_none() -> None:
    assert not hides("color:rgba(0,0,0,1.2.3)")
    assert hides("color:rgba(0,0,0,.01)")


def test_numbers_are_shown_as_they_are_written() -> None:
    digits = "9" * 5000
    assert json_text(f'{{"a": {digits}, "b": 1.10, "c": 1e999}}')[1] == f"a: {digits}\nb: 1.10\nc: 1e999"


def test_data_of_any_depth_has_bounded_paths() -> None:
    value: object = "leaf"
    for _ in range(5000):
        value = {"key": [value]}
    [line] = lines(value).split("\n")
    assert line.endswith("key.key: leaf")
    assert len(line) < 400


@pytest.mark.parametrize("content", [b"", b"<", b"\x00"])
def test_no_xml_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"XML|empty"):
        xml(content)


def test_a_wide_table_does_not_grow_by_its_short_rows() -> None:
    made = markdown.table([["a"] * 5000, *[["b"]] * 5000])
    assert len(made) < 2_000_000
    assert markdown.table([["a", "b"], ["c"]]).endswith("| c |  |")


def test_a_sheet_of_few_cells_far_apart() -> None:
    content = office.xlsx(
        lambda book: [sheet.write(at, at, at) for sheet in [book.add_worksheet("a")] for at in range(2500)]
    )
    with pytest.raises(UnreadableDocument) as refusal:
        extract_sheets(content)
    assert refusal.value.code == "too_many_cells"


def test_only_hashes_that_close_a_heading_go() -> None:
    assert trail("# C#\n\ntext").context(6, "text") == "C#"
    assert trail("## Two ##\n\ntext").context(11, "text") == "Two"
