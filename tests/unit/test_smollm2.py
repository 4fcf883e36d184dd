"""The bundled generator's folder is complete or absent."""

import json
from pathlib import Path

import pytest

from app import smollm2
from app.tokens import LocalTokenCounter


def test_only_a_folder_with_a_true_manifest_is_ready(tmp_path: Path) -> None:
    assert not smollm2.is_ready(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    manifest = {"layout": smollm2.LAYOUT, "files": {"config.json": {"bytes": 2}}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert smollm2.is_ready(tmp_path)
    (tmp_path / "config.json").write_text("{ }")  # truncated or changed
    assert not smollm2.is_ready(tmp_path)
    (tmp_path / "manifest.json").write_text("[]")
    assert not smollm2.is_ready(tmp_path)


def test_a_failed_conversion_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, folder: Path, progress: object) -> None:
        (folder / "half").write_text("written")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(smollm2, "_convert", full)
    monkeypatch.setattr(smollm2, "source", lambda: tmp_path)
    with pytest.raises(OSError, match="No space"):
        smollm2.prepare(tmp_path / "model", lambda what, share: None)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="fast tokenizer"):
        LocalTokenCounter(tmp_path)


@pytest.mark.engine
async def test_the_bundled_tokenizer_counts(bundled_model: Path) -> None:
    counter = LocalTokenCounter(bundled_model)
    assert await counter.count(["", "The capital of France is Paris."]) == [0, 7]
