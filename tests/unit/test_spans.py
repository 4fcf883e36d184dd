"""Sentences have exact places; terms and their support."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.spans import content_terms, sentences, statements, support, terms

TEXTS = (
    st.text(alphabet=st.sampled_from("ab Z1٣.!?؟。！？\n\t\"'”»)][،,نم‌مش中文\u0301-"), max_size=200)
    | st.text()
)


@given(TEXTS)
def test_every_sentence_is_the_text_at_its_place(text: str) -> None:
    end = 0
    for span in sentences(text):
        assert span.text == text[span.start : span.end]
        assert span.text == span.text.strip() != ""
        assert span.start >= end
        assert "\n" not in span.text
        end = span.end


@given(TEXTS)
def test_no_letter_is_lost_between_sentences(text: str) -> None:
    kept = sum(char.isalnum() for span in sentences(text) for char in span.text)
    every = sum(char.isalnum() for char in text)
    lone = sum(any(char.isalnum() for char in line) for line in text.splitlines()) + sum(
        text.count(mark) for mark in ".!?؟。！？"
    )
    assert every - kept <= lone  # a fragment of one letter is no sentence


@given(TEXTS)
def test_statements_are_some_of_the_sentences(text: str) -> None:
    every = list(sentences(text))
    assert all(span in every for span in statements(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One here. Two there! Three?", ["One here.", "Two there!", "Three?"]),
        ("It costs 3.50 euros. See example.org today.", ["It costs 3.50 euros.", "See example.org today."]),
        ('He said "go now." Then left.', ['He said "go now."', "Then left."]),
        ("این یک است. آن دو است؟ بله!", ["این یک است.", "آن دو است؟", "بله!"]),
        ("长城很长。它有多长？很长！", ["长城很长。", "它有多长？", "很长！"]),
        ("Heading\n\nBody text.", ["Heading", "Body text."]),
        ("... -- !!", []),
    ],
)
def test_sentences_of_three_languages(text: str, expected: list[str]) -> None:
    assert [span.text for span in sentences(text)] == expected


def test_terms_fold_what_looks_alike() -> None:
    assert terms("كتابي") == terms("کتابی")
    assert terms("می‌شود") == {"میشود"}
    assert terms("ＦＵＬＬ Width") == {"full", "width"}
    assert terms("长城很长") == {"长城", "城很", "很长"}


def test_stop_words_support_nothing() -> None:
    assert content_terms("What is the ferry?") == {"ferry"}
    assert content_terms("What is it?") != set()


@given(st.sets(st.text(max_size=3)), st.sets(st.text(max_size=3)))
def test_support_is_a_share(claim: set[str], evidence: set[str]) -> None:
    assert 0.0 <= support(claim, evidence) <= 1.0
    assert support(claim, claim | evidence) == (1.0 if claim else 0.0)


def test_a_long_text_takes_no_long_time() -> None:
    for text in ("." * 100_000, "a." * 50_000, '."' * 50_000, " " * 100_000, "a" * 100_000):
        list(sentences(text))
