"""Extractive reading: windows, the best span, its exact place."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from app.reader.span_reader import SHARED_TOKENS, Ids, Logits, SpanReader, _starts, _trimmed

SEEN, OTHER = 10, 9
WINDOW = 112


def tokenizer(words: list[str]) -> Tokenizer:
    vocabulary = {"<s>": 0, "<pad>": 1, "</s>": 2, "?": OTHER} | {
        word: SEEN + n for n, word in enumerate(words)
    }
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


class Finds:
    """Logits that are high at one token and, where it is missing, at the first."""

    def __init__(self, token: int) -> None:
        self._token = token
        self.shapes: list[tuple[int, ...]] = []

    def logits(self, ids: Ids, mask: Ids) -> Logits:
        self.shapes.append(ids.shape)
        found = np.zeros((*ids.shape, 2), np.float32)
        found[ids == self._token] = 4.0
        found[:, 0] = 1.0
        return found


def test_the_words_are_found_where_they_stand() -> None:
    reader = SpanReader(Finds(SEEN), tokenizer(["noon"]), window=WINDOW)
    readings = reader.read("When?", ["It leaves at noon.", "It is blue.", ""])
    assert "It leaves at noon."[readings[0].start : readings[0].end] == "noon"
    assert readings[0].margin == pytest.approx(6.0)
    assert readings[1].margin == pytest.approx(-2.0)
    assert readings[2].margin < 0
    assert readings[2].start == readings[2].end


def test_a_long_passage_is_read_in_windows() -> None:
    model = Finds(SEEN)
    text = "word " * 1000 + "noon " + "word " * 400
    [reading] = SpanReader(model, tokenizer(["noon"]), window=WINDOW).read("When?", [text])
    assert text[reading.start : reading.end] == "noon"
    assert max(length for _, length in model.shapes) <= WINDOW + 16


def test_no_passages() -> None:
    assert SpanReader(Finds(SEEN), tokenizer([]), window=WINDOW).read("When?", []) == []


@given(st.integers(1, 3000))
def test_windows_cover_everything(count: int) -> None:
    starts = _starts(count, WINDOW)
    assert starts[0] == 0
    assert starts[-1] + WINDOW >= count
    assert all(0 < b - a <= WINDOW - SHARED_TOKENS for a, b in itertools.pairwise(starts))


@pytest.mark.parametrize(
    ("text", "span", "kept"),
    [
        ("in 1350, they", "1350,", "1350"),
        ("the (old) town", "(old)", "(old)"),
        ("the (old town", "(old", "old"),
        ("from the U.S. then", "U.S.", "U.S."),
        ("《战国》是", "《战国》", "《战国》"),
        ("他在北京。", "北京。", "北京"),
        ("سال «۱۳۵۰» بود", "«۱۳۵۰»", "«۱۳۵۰»"),
    ],
)
def test_punctuation_at_the_edges(text: str, span: str, kept: str) -> None:
    at = text.index(span)
    start, end = _trimmed(text, at, at + len(span))
    assert text[start:end] == kept


@settings(max_examples=200)
@given(st.text("a ().,«»。\n", max_size=20), st.data())
def test_trimming_ends_within_the_span(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    low, high = _trimmed(text, start, end)
    assert start <= low <= high <= end
