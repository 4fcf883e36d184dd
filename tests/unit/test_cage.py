"""A file that hangs, eats memory or crashes its parser fails alone."""

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from indexes.errors import UnreadableDocument
from ingest import cage as cage_module
from ingest.cage import ExtractionCage
from ingest.extract import Extracted, Limits
from tests.support import pdfs

LIMITS = Limits(pages=100, chars=1_000_000)
TRAPPED = """
import os, sys, time
import ingest.parser as cage

real, kept = cage.extract, []
cage.LEAST = 0.5

def extract(path, **more):
    text = path.read_text(errors="replace")
    if text.startswith("hang"):
        time.sleep(60)
    if text.startswith("crash"):
        os.kill(os.getpid(), 11)
    if text.startswith("eat"):
        bytearray(1 << 29)
    if text.startswith("spin"):
        while True:
            pass
    if text.startswith("grow"):
        kept.append(bytearray(b"x") * (300 << 20))
    if text.startswith("odd"):
        raise LookupError("what parsers raise")
    if text.startswith("print"):
        print("noise on standard output", flush=True)
        os.write(1, b"and past Python")
    return real(path, **more)

cage.extract = extract
cage.serve(512 << 20)
"""


@pytest.fixture
def cage() -> Iterator[ExtractionCage]:
    made = ExtractionCage(limits=LIMITS, timeout=20)
    yield made
    made.close()


@pytest.fixture
def trapped(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExtractionCage]:
    """A cage whose parser does what the file tells it to."""
    popen = cage_module.subprocess.Popen
    monkeypatch.setattr(
        cage_module.subprocess,
        "Popen",
        lambda command, **more: popen([sys.executable, "-c", TRAPPED], **more),
    )
    made = ExtractionCage(limits=LIMITS, timeout=20)
    yield made
    made.close()


def read(cage: ExtractionCage, folder: Path, content: str | bytes, name: str = "file.txt") -> Extracted:
    file = folder / f"{threading.get_ident()}-{name}"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return cage.extract(file, name=name, hint=None, url=None)


def children() -> list[int]:
    return [child.pid for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]


def test_it_reads_and_is_reused(cage: ExtractionCage, tmp_path: Path) -> None:
    before = children()
    assert read(cage, tmp_path, "سلام\r\n🙂").text == "سلام\n🙂"
    [child] = set(children()) - set(before)
    extracted = read(cage, tmp_path, pdfs.pdf("one", "two"), "a.pdf")
    assert (extracted.text, extracted.page_starts, extracted.kind) == ("one\n\ntwo", [0, 5], "pdf")
    assert child in children()
    cage.close()
    assert child not in children()
    assert read(cage, tmp_path, "again").text == "again"


def test_reasons_come_through(cage: ExtractionCage, tmp_path: Path) -> None:
    with pytest.raises(UnreadableDocument) as refusal:
        read(cage, tmp_path, "")
    assert (refusal.value.code, refusal.value.message) == ("empty", "it is empty")


def test_a_folder_and_a_missing_file(cage: ExtractionCage, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UnreadableDocument, match="directory"):
            cage.extract(path, name="x", hint=None, url=None)
    assert read(cage, tmp_path, "next").text == "next"


def test_a_name_with_lone_surrogates(cage: ExtractionCage, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    assert cage.extract(file, name="a\ud800\n.txt", hint="x\ud801", url=None).text == "text"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("hang", "parse_timeout"),
        ("crash", "parser_died"),
        ("eat", "parse_memory"),
        ("odd", "unreadable_document"),
    ],
)
def test_the_next_file_is_fine(
    trapped: ExtractionCage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, code: str
) -> None:
    read(trapped, tmp_path, "warm")
    warm = children()
    monkeypatch.setattr(trapped, "_timeout", 1.0)
    begun = time.monotonic()
    with pytest.raises(UnreadableDocument) as refusal:
        read(trapped, tmp_path, content)
    assert refusal.value.code == code
    assert time.monotonic() - begun < 5
    assert (children() == warm) is (code in ("parse_memory", "unreadable_document")), "killed where it must"
    monkeypatch.setattr(trapped, "_timeout", 20)
    assert read(trapped, tmp_path, "next").text == "next"


def test_it_computes_no_longer_than_its_size_allows(trapped: ExtractionCage, tmp_path: Path) -> None:
    """Long before the clock's limit, which a busy machine needs."""
    with pytest.raises(UnreadableDocument, match="more computing") as refusal:
        read(trapped, tmp_path, "spin")
    assert refusal.value.code == "parse_timeout"
    assert read(trapped, tmp_path, "next").text == "next"


def test_one_that_grew_is_replaced(trapped: ExtractionCage, tmp_path: Path) -> None:
    others = set(children())
    read(trapped, tmp_path, "one")
    [small] = set(children()) - others
    read(trapped, tmp_path, "two")
    assert set(children()) - others == {small}
    assert read(trapped, tmp_path, "grow").text == "grow"
    assert set(children()) == others
    assert read(trapped, tmp_path, "next").text == "next"


def test_what_a_parser_prints_is_no_answer(trapped: ExtractionCage, tmp_path: Path) -> None:
    assert read(trapped, tmp_path, "print this").text == "print this"
    assert read(trapped, tmp_path, "next").text == "next"


def test_a_child_killed_between_files(cage: ExtractionCage, tmp_path: Path) -> None:
    before = children()
    read(cage, tmp_path, "one")
    [child] = set(children()) - set(before)
    killed = psutil.Process(child)
    killed.kill()
    killed.wait(5)
    assert read(cage, tmp_path, "two").text == "two"


def test_threads_share_it(cage: ExtractionCage, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        texts = [f"text {number} " * 2000 for number in range(20)]
        answers = list(pool.map(lambda text: read(cage, tmp_path, text).text, texts))
    assert answers == texts


def test_a_bomb(cage: ExtractionCage, tmp_path: Path) -> None:
    with pytest.raises(UnreadableDocument) as refusal:
        read(cage, tmp_path, pdfs.bomb(), "bomb.pdf")
    assert refusal.value.code in ("parse_memory", "parser_died", "parse_timeout", "corrupt_pdf", "no_text")
    assert read(cage, tmp_path, "next").text == "next"


def test_a_page_nested_beyond_reason(cage: ExtractionCage, tmp_path: Path) -> None:
    with suppress(UnreadableDocument):  # either will do
        read(cage, tmp_path, "<html><body>" + "<div>" * 100_000 + "deep", "deep.html")
    assert read(cage, tmp_path, "next").text == "next"
