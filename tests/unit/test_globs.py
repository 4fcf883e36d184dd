"""Patterns for files, and what is left aside."""

import time

import pytest

from ingest.globs import aside, matches


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("a.md", "*.md", True),
        ("a/b.md", "*.md", False),
        ("a/b.md", "**/*.md", True),
        ("b.md", "**/*.md", True),
        ("a/b/c.MD", "A/**/*.md", True),
        ("a/c.md", "a/**", True),
        ("a", "a/**", True),
        ("ab/c.md", "a/**", False),
        ("a/x/b/y/c", "**/b/**/c", True),
        ("a/x/y/c", "**/b/**/c", False),
        ("report-1.pdf", "report-?.pdf", True),
        ("report-12.pdf", "report-?.pdf", False),
        ("report-2.pdf", "report-[12].pdf", True),
        ("گزارش.pdf", "*.pdf", True),
        ("anything/at.all", "**", True),
        ("a/b", "a", False),
        ("a", "a/b", False),
    ],
)
def test_matches(path: str, pattern: str, fits: bool) -> None:
    assert matches(path, [pattern]) is fits
    assert matches(path, ["nothing-of-it", pattern]) is fits
    assert matches(path, [])


def test_no_pattern_takes_for_ever() -> None:
    began = time.process_time()
    assert not matches("a" * 250, ["*a" * 240 + "b"])
    assert not matches("/".join("a" * 120), ["/".join(["**", "a"] * 120 + ["b"])])
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "name", [".git", ".~lock.a.odt#", "~$a.docx", "a.txt~", "a.TMP", "a.part", "a.crdownload"]
)
def test_aside(name: str) -> None:
    assert aside(name)
    assert not aside(f"x{name}x")
