"""The language of a question, and what is said in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.language import ABSTAINED, detect


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("When does the ferry leave?", "en"),
        ("کشتی کی حرکت می‌کند؟", "fa"),
        ("渡轮几点出发？", "zh"),
        ("渡轮 ferry 几点出发？", "zh"),
        ("نسخه PDF کجاست و چگونه باز می‌شود؟", "fa"),
        ("What does 长城 mean in the handbook of visitors?", "en"),
        ("Où est la gare ?", "en"),
        ("", "en"),
        ("1234 !?", "en"),
    ],
)
def test_detect(text: str, language: str) -> None:
    assert detect(text) == language


@given(st.text())
def test_every_text_has_a_language(text: str) -> None:
    assert detect(text) in ("fa", "zh", "en")


def test_every_reason_is_told_in_every_language() -> None:
    for said in ABSTAINED.values():
        assert set(said) == {"en", "fa", "zh"}
        for language, text in said.items():
            assert detect(text) == language
