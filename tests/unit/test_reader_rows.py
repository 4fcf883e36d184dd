"""What the reader is trained on."""

import random

from hypothesis import given
from hypothesis import strategies as st

from app.reader.span_reader import FIRST, SEPARATOR
from tuning.reader_rows import NOWHERE, Row, _answer_tokens, window

LONGEST = 40


@given(st.integers(1, 200), st.data(), st.integers(0, 10**6))
def test_the_answer_stays_in_the_window(count: int, data: st.DataObject, seed: int) -> None:
    first = data.draw(st.integers(0, count - 1))
    last = data.draw(st.integers(first, min(count - 1, first + LONGEST // 2 - 1)))
    row = Row(question=[7, 8], passage=list(range(100, 100 + count)), first=first, last=last)
    example = window(row, LONGEST, random.Random(seed))
    assert example.ids[:5] == [FIRST, 7, 8, SEPARATOR, SEPARATOR]
    assert len(example.ids) <= LONGEST + 6
    assert example.ids[example.start : example.end + 1] == list(range(100 + first, 100 + last + 1))


@given(st.integers(0, 200), st.integers(0, 10**6))
def test_no_answer_is_the_first_token(count: int, seed: int) -> None:
    row = Row(question=[7], passage=list(range(100, 100 + count)), first=NOWHERE, last=NOWHERE)
    example = window(row, LONGEST, random.Random(seed))
    assert (example.start, example.end) == (0, 0)
    shown = example.ids[example.passage : -1]
    assert shown == row.passage[shown[0] - 100 :][: len(shown)] if count else not shown
    assert min(count, LONGEST // 2) <= len(shown) <= min(count, LONGEST)


def test_the_answer_that_most_gave() -> None:
    text = "in the old town of Yazd"
    offsets = [(0, 2), (3, 6), (7, 10), (11, 15), (16, 18), (19, 23)]
    assert _answer_tokens(text, ["the old town", "Yazd", "Yazd"], offsets) == (5, 5)
    assert _answer_tokens(text, ["the old town", "Yazd"], offsets) == (1, 3)
    assert _answer_tokens(text, ["Isfahan"], offsets) is None
