"""The documentation stays true to the tree and the code."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from indexes import errors

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_tree_in_the_readme_is_the_tree() -> None:
    lines = re.findall(r"^    ( *)([\w./-]+)  +\S", (ROOT / "README.md").read_text(), re.M)
    folder = ROOT
    named = set()
    for indent, name in lines:
        if not indent:
            folder = ROOT / name
            named.add(name.rstrip("/"))
        path = folder if not indent else folder / name
        assert path.exists(), path
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    top = {line.split("/")[0] for line in tracked.splitlines() if "/" in line and not line.startswith(".")}
    assert top <= named


def test_the_settings_page_is_written_from_the_settings() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from settings_page import render
    finally:
        sys.path.pop(0)
    assert (ROOT / "docs" / "settings.md").read_text() == render()


def test_the_reasons_in_the_http_page_are_those_in_the_code() -> None:
    page = (ROOT / "docs" / "http.md").read_text()
    code = "".join(path.read_text() for path in sorted((ROOT / "ingest").glob("*.py")))
    used = set(re.findall(r'code="(\w+)"', code)) | {errors.FetchFailed.code, errors.FetchRefused.code}
    used |= set(re.findall(r'"code": "(parse_\w+)"', code))
    assert {code for code in used if f"`{code}`" not in page} == set()
