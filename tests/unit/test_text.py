"""One analysis for passages and questions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.text import PAIR, Analyzer, fold
from tests.support.store import ANALYZER


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("كتابي", "کتابی"),
        ("مكتبةٌ", "مکتبه"),
        ("أحمد إلى آخر ٱلكتاب", "احمد الی اخر الکتاب"),
        ("مؤسسهٔ مسئول", "موسسه مسیول"),
        ("کـــتـاب", "کتاب"),
        ("می\u200cشود", "می\u200cشود"),
        ("۱۲۳ ٤٥٦ ７８", "123 456 78"),
        ("ﻛﺘﺎﺏ", "کتاب"),
        ("ＦＵＬＬ Straße Où", "full strasse ou"),
        ("co\u00adoperate\u200e", "cooperate"),
    ],
)
def test_what_looks_or_means_alike_is_folded(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("running ferries", "run ferry"),
        ("The Café", "the cafe"),
        ("كتاب‌هاي", "کتاب های"),
        ("می‌شود", "می شود"),
        ("臺灣的計算機", "台湾的计算机"),
        ("۱۴۰۳", "1403"),
    ],
)
def test_a_question_finds_other_spellings(one: str, other: str) -> None:
    assert ANALYZER.terms(one)[: len(ANALYZER.terms(other))] == ANALYZER.terms(other)


def test_a_plural_with_zwnj_matches_its_joined_form() -> None:
    assert ANALYZER.terms("کتابها") == ["کتاب"]
    assert "کتاب" in ANALYZER.terms("کتاب‌هایشان")
    assert ANALYZER.terms("تنها") == ["تنها"], "too short a stem is none"


def test_chinese_words_and_pairs() -> None:
    terms = ANALYZER.terms("长城很长，ABC公司")
    assert {"长城", "公司", "abc"} <= set(terms)
    assert {f"{PAIR}长城", f"{PAIR}城很", f"{PAIR}公司"} <= set(terms)
    assert f"{PAIR}长，" not in terms


def test_punctuation_is_no_term() -> None:
    assert Analyzer().terms("... -- _ 。！？ \n\t") == []


@given(st.text())
def test_terms_can_be_kept_with_spaces_between(text: str) -> None:
    terms = ANALYZER.terms(text)
    assert " ".join(terms).split() == terms
