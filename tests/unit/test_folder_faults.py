"""A folder as a source: files that cannot be read, or not as they are just now."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from ingest import folder as folders
from tests.support.handbook import (
    Counted,
    again,
    documents,
    handbook,
    pull,
    root,
    texts,
    the_source,
    versions,
    write,
)
from tests.support.ingestion import MAX_BYTES, Bench

__all__ = ["handbook", "root"]  # fixtures


def test_a_file_that_is_too_large_is_told_and_read_when_it_no_longer_is(
    bench: Bench, root: Path, handbook: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    write(root / "b.txt", "x" * (MAX_BYTES + 1))
    job = pull(bench)
    assert job.status == "succeeded"
    large = documents(bench)["handbook:b.txt"]
    assert (large.status, large.error_code) == ("failed", "too_large")
    rows = versions(bench)
    handbook.opened.clear()
    again(bench)
    assert (handbook.opened, versions(bench)) == ([], rows)
    write(root / "b.txt", "It is small now.", age=30)
    again(bench)
    assert texts(bench) == ["It is small now.", "The ferry leaves at noon."]


def test_a_larger_limit_is_a_reason_to_read_again(bench: Bench, root: Path, handbook: Counted) -> None:
    write(root / "b.txt", "x" * (MAX_BYTES + 1))
    pull(bench)
    contents: Any = bench.puller._contents["store"]
    contents._max_bytes = 2 * MAX_BYTES
    rows = versions(bench)
    again(bench)
    assert versions(bench) == rows + 1


def test_what_failed_is_read_again_when_it_is_another(bench: Bench, root: Path, handbook: Counted) -> None:
    write(root / "a.pdf", "%PDF-1.7 but no more")
    pull(bench)
    assert documents(bench)["handbook:a.pdf"].error_code == "corrupt_pdf"
    rows = versions(bench)
    assert again(bench).status == "succeeded"
    assert versions(bench) == rows
    assert documents(bench)["handbook:a.pdf"].seen_at is None


def test_what_may_not_be_read_is_tried_again(bench: Bench, root: Path, handbook: Counted) -> None:
    def denied() -> None:
        raise folders.FetchFailed("it may not be read", code="store_denied")

    write(root / "a.txt", "The ferry leaves at noon.")
    handbook.meanwhile = denied
    pull(bench)
    assert documents(bench)["handbook:a.txt"].error_code == "store_denied"
    handbook.meanwhile = lambda: None
    again(bench)
    assert texts(bench) == ["The ferry leaves at noon."]


def test_a_folder_that_may_not_be_listed_keeps_what_was_in_it(
    bench: Bench, root: Path, handbook: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    write(root / "reports" / "deep" / "b.txt", "The harbour closes in a storm.")
    pull(bench)
    real = os.scandir

    def scandir(handle: Any) -> Any:
        if os.path.realpath(f"/proc/self/fd/{handle}").endswith("/reports"):
            raise PermissionError(13, "Permission denied")
        return real(handle)

    with monkeypatch.context() as patch:
        patch.setattr(folders.os, "scandir", scandir)
        job = again(bench)
    assert (job.status, job.pulls[0].error_code) == ("succeeded", "left_out")
    assert the_source(bench).error == "1 left out: reports/ (it may not be read)"
    assert len(texts(bench)) == 2
    assert again(bench).pulls[0].error is None
    assert the_source(bench).error is None


def test_a_file_that_is_being_written(
    bench: Bench, root: Path, handbook: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    pull(bench)
    (root / "a.txt").write_text("The ferry leaves")
    monkeypatch.setattr(folders.time, "sleep", lambda _: (root / "a.txt").write_text("The ferry leaves at"))
    job = again(bench)
    assert (job.status, job.pulls[0].error) == ("succeeded", "1 left out: a.txt (it is being written)")
    assert texts(bench) == ["The ferry leaves at noon."]
    monkeypatch.undo()
    (root / "a.txt").write_text("The ferry leaves at nine.")
    began = time.monotonic()
    again(bench)
    assert time.monotonic() - began >= folders.REST
    assert texts(bench) == ["The ferry leaves at nine."]


def test_a_file_that_changes_while_it_is_copied(bench: Bench, root: Path, handbook: Counted) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    pull(bench)
    write(root / "a.txt", "The ferry leaves at", age=30)
    handbook.meanwhile = lambda: write(root / "a.txt", "The ferry leaves at nine.", age=20)
    job = again(bench)
    assert [one.error_code for one in job.documents] == ["changing"]
    assert texts(bench) == ["The ferry leaves at noon."]
    handbook.meanwhile = lambda: None
    again(bench)
    assert texts(bench) == ["The ferry leaves at nine."]


def test_names_that_are_no_text(bench: Bench, root: Path, handbook: Counted) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    with open(os.fsencode(root) + b"/\xff.txt", "w") as file:
        file.write("What is its name?")
    job = pull(bench)
    assert job.pulls[0].error == "1 left out: \\xff.txt (its name is not UTF-8)"
    write(root / "کشتی‌ها" / "船 1.txt", "The ferry leaves at night.")
    again(bench)
    assert "handbook:کشتی‌ها/船 1.txt" in documents(bench)
    pull(bench, path="کشتی‌ها")
    assert len(texts(bench)) == 3
