"""The language of a text, however short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.language import LANGUAGES, LanguageDetector, script


@pytest.fixture(scope="module")
def detector() -> LanguageDetector:
    return LanguageDetector()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ساعت کار چیست؟", "fa"),
        ("قیمت", "fa"),
        ("iPhone 15 قیمت", "fa"),
        ("كتاب ملي ايران چيست؟", "fa"),
        ("ما هي عاصمة فرنسا؟", "ar"),
        ("أين المتحف؟", "ar"),
        ("لائبریری کہاں ہے؟", "ur"),
        ("价格", "zh"),
        ("ABC公司的电话", "zh"),
        ("東京は何ですか", "ja"),
        ("도서관은 어디입니까", "ko"),
        ("Opening hours?", "en"),
        ("Who?", "en"),
        ("GPU", "en"),
        ("", "en"),
        ("Wann öffnet die Bibliothek?", "de"),
        ("Où est la gare ?", "fr"),
        ("Где музей?", "ru"),
    ],
)
def test_short_questions(detector: LanguageDetector, text: str, language: str) -> None:
    assert detector.detect(text) == language


@given(st.text())
def test_every_text_has_a_language(detector: LanguageDetector, text: str) -> None:
    assert detector.detect(text) in LANGUAGES


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "latin"),
        ("123", "latin"),
        ("نسخه PDF کجاست", "arabic"),
        ("渡轮 ferry 几点", "han"),
        ("カタカナ漢字", "kana"),
        ("Что", "other"),
    ],
)
def test_script(text: str, name: str) -> None:
    assert script(text) == name
