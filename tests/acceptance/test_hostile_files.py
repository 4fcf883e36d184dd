"""Files made to hang, swell or crash their parser: each fails alone, soon, and within its memory."""

import os
from pathlib import Path

import pytest

from tests.hostile.corpus import corpus
from tests.hostile.running import MOST_BYTES, MOST_SECONDS, Outcome, run_all, runners
from tests.hostile.text_files import TEMPLATES

MUTATIONS = 2  # of every kind here; `make hostile` makes forty
FEWEST = 200


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    with runners(min(4, os.cpu_count() or 1), tmp_path_factory.mktemp("hostile")) as ready:
        return list(run_all(corpus(MUTATIONS), ready))


@pytest.mark.timeout(900)
def test_each_ends_soon_and_within_its_memory(outcomes: list[Outcome]) -> None:
    assert len(outcomes) >= FEWEST
    assert {one.file.name: one.seconds for one in outcomes if one.seconds > MOST_SECONDS} == {}
    assert {one.file.name: one.peak >> 20 for one in outcomes if one.peak > MOST_BYTES} == {}
    assert {one.file.name: one.after for one in outcomes if one.after > MOST_SECONDS} == {}, (
        "its text takes long"
    )
    assert sum(one.peak > 16 << 20 for one in outcomes) > 0.9 * len(outcomes), "the memory was measured"


def test_some_of_each_outcome(outcomes: list[Outcome]) -> None:
    """The files are not simply all refused at the door."""
    codes = [one.code for one in outcomes]
    assert codes.count(None) > 80
    assert {"parser_died", "too_large_unpacked", "corrupt_pdf", "nested_too_deeply", "too_many_pages"} <= set(
        codes
    )


def test_nothing_is_a_template(outcomes: list[Outcome]) -> None:
    """What looks like one comes through as it stands."""
    for name in ("templates.txt", "templates.html", "templates.eml"):
        [text] = [one.text for one in outcomes if one.file.name == name]
        words = [word for word in TEMPLATES.split() if not word.startswith("<")]
        assert all(word in text for word in words), name


def test_nothing_outside_is_read(outcomes: list[Outcome], tmp_path: Path) -> None:
    passwd = Path("/etc/passwd").read_text().split("\n")[0]
    assert not any(passwd in one.text for one in outcomes)
    assert not Path("/tmp/slip").exists()
    assert not Path("/etc/cron.d/slip").exists()
