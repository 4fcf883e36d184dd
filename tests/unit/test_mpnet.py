"""The English reader's encoder is put together from the packages that carry it."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from app.reader import mpnet


@pytest.fixture
def pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w") as packed:
        for name in (*mpnet.FILES, "README.md"):
            packed.writestr(f"{mpnet.ID}/{name}", name.encode() * 100)
    content = whole.read_bytes()
    found = []
    for number in range(3):
        found.append(tmp_path / f"{mpnet.ID}.zip.{number + 1:03d}")
        found[-1].write_bytes(content[number * 999 : (number + 1) * 999 if number < 2 else None])
    monkeypatch.setattr(mpnet, "_pieces", lambda: iter(found))
    monkeypatch.setattr(mpnet, "WEIGHTS", hashlib.sha256(b"model.safetensors" * 100).hexdigest())
    return found


def test_what_transformers_loads_and_nothing_else(pieces: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    mpnet.write(folder, lambda stage, share: None)
    assert sorted(one.name for one in folder.iterdir()) == sorted(mpnet.FILES)
    assert (folder / "config.json").read_bytes() == b"config.json" * 100


def test_other_weights_are_refused(
    pieces: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mpnet, "WEIGHTS", hashlib.sha256(b"others").hexdigest())
    folder = tmp_path / "made"
    folder.mkdir()
    with pytest.raises(OSError, match="are not those of all-mpnet-base-v2"):
        mpnet.write(folder, lambda stage, share: None)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mpnet, "CARRIERS", ("not-installed-part-001",))
    with pytest.raises(FileNotFoundError, match=r"not-installed-part-001.*SIMURGH_READER=multilingual"):
        mpnet.write(tmp_path, lambda stage, share: None)
