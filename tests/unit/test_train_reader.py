"""How a bundled reader is trained: rounds, and the mean of several that go on from the same weights."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer, models
from transformers import BertConfig, BertModel

from app.reader.trained import CARD, WEIGHTS, Trained
from tuning import train_reader
from tuning.reader_recipes import Recipe, Round
from tuning.reader_rows import NOWHERE, Mix, Row

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
FIRST_ROUND = Round(sets={"en": Mix(answerable=3)}, epochs=1.0, window=20, rate=1e-2, head_rate=1e-2)
ONE = Round(sets={"en": Mix(answerable=1)}, epochs=2.0, window=20, rate=1e-2, head_rate=1e-2)
OTHER = replace(ONE, sets={"en": Mix(answerable=2)}, window=16, told_once=True)


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    folder = tmp_path / "encoder"
    BertModel(BertConfig(vocab_size=50, **SMALL)).save_pretrained(folder)
    Tokenizer(models.WordLevel({"a": 0}, unk_token="a")).save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def some(
        folder: Path, sets: dict[str, Mix], own: object, encode: object, draw: random.Random, told_once: bool
    ) -> Iterator[Row]:
        for number in range(int(32 * sets["en"].answerable)):
            place = NOWHERE if number % 3 == int(told_once) else draw.randint(0, 15)
            yield Row(
                question=[draw.randint(3, 49)],
                passage=[draw.randint(3, 49) for _ in range(16)],
                first=place,
                last=place,
            )

    monkeypatch.setattr(train_reader, "rows", some)
    monkeypatch.setattr(train_reader, "data_folder", lambda: tmp_path)


def trained(encoder: Path, out: Path, *rounds: Round, which: tuple[int, ...] = (1, 2)) -> dict[str, Any]:
    recipe = Recipe(
        trained=Trained(name="small", encoder="small", language=None),
        rank=2,
        alpha=4,
        modules=".*(query|value)",
        bf16=False,
        seed=3,
        data="made up",
        rounds=rounds,
    )
    train_reader.train(recipe, encoder, out, rounds=which)
    return dict(load_file(out / WEIGHTS))


def test_of_rounds_beside_each_other_the_mean_is_kept(encoder: Path, tmp_path: Path) -> None:
    one, other = (
        trained(encoder, tmp_path / f"{number}", FIRST_ROUND, branch)
        for number, branch in enumerate((ONE, OTHER))
    )
    mean = trained(encoder, tmp_path / "mean", FIRST_ROUND, replace(ONE, beside=(OTHER,)))
    for name, weights in mean.items():
        assert weights == pytest.approx((one[name] + other[name]) / 2, abs=2e-3), name
    assert any(abs(one[name] - other[name]).max() > 2e-2 for name in one)
    card = json.loads((tmp_path / "mean" / CARD).read_text())
    assert card["window"] == 16
    assert card["rounds"] == [
        {"examples": 96, "steps": 6},
        {"mean_of": [{"examples": 32, "steps": 4}, {"examples": 64, "steps": 8}]},
    ]


def test_a_later_round_goes_on_from_what_was_written(encoder: Path, tmp_path: Path) -> None:
    whole = trained(encoder, tmp_path / "whole", FIRST_ROUND, ONE)
    trained(encoder, tmp_path / "parts", FIRST_ROUND, ONE, which=(1,))
    parts = trained(encoder, tmp_path / "parts", FIRST_ROUND, ONE, which=(2,))
    afresh = trained(encoder, tmp_path / "afresh", ONE, which=(1,))

    def apart(some: dict[str, Any]) -> float:
        return max(float(abs(some[name] - weights).max()) for name, weights in whole.items())

    assert apart(parts) < 0.03 < apart(afresh)  # not equal: between its rounds lay fp16
    cards = [json.loads((tmp_path / name / CARD).read_text()) for name in ("whole", "parts")]
    assert cards[0]["rounds"] == cards[1]["rounds"]
