"""Lines of text from glyphs that a test has placed itself; each is 6 points wide, in a font of 10."""

from ingest.columns import gutters
from ingest.pdf_glyphs import Glyph
from ingest.pdf_lines import lines

WIDTH = 6.0


def glyph(text: str, x: float, y: float = 700.0, order: int = 0, width: float = WIDTH) -> Glyph:
    return Glyph(text=text, x=x, y=y, left=x, right=x + width, size=10.0, order=order, leftwards=None)


def row(seen: str, x: float = 100.0, y: float = 700.0) -> list[Glyph]:
    """``seen`` from left to right; a space is a gap, not a glyph."""
    return [glyph(letter, x + WIDTH * at, y, at) for at, letter in enumerate(seen) if letter != " "]


def rtl(text: str, x: float = 100.0, y: float = 700.0) -> list[Glyph]:
    return row(text[::-1], x, y)


def texts(glyphs: list[Glyph]) -> list[str]:
    return [line.text for line in lines(glyphs)]


def test_a_line_is_read_from_its_right_end() -> None:
    assert texts(rtl("سلام بر شما")) == ["سلام بر شما"]
    assert texts(row("اب ۵۳۲۱ لاس"[::-1])) == ["اب ۱۲۳۵ لاس"]


def test_the_order_in_the_file_does_not_matter() -> None:
    assert texts(rtl("سلام بر شما")[::-1]) == ["سلام بر شما"]


def test_marks_stand_behind_their_letter() -> None:
    letters = rtl("کتاب")
    mark = glyph("\u0650", letters[-1].x + 2, order=9, width=2)
    assert texts([*letters, mark]) == ["ک\u0650تاب"]


def test_letters_that_could_join_and_do_not_are_parted_by_a_non_joiner() -> None:
    overlapping = [one._replace(right=one.right + 0.2) for one in rtl("نمیخواهمبرومکتابخانه")]
    apart = [one._replace(x=one.x + 1, left=one.left + 1, right=one.right + 1) for one in overlapping[-3:]]
    assert texts([*overlapping[:-3], *apart]) == ["نمی\u200cخواهمبرومکتابخانه"]


def test_two_columns_are_read_one_after_the_other_the_right_one_first() -> None:
    right = [f"سطر ستون راست شماره {number}" for number in "ابپتجخگ"]
    left = [f"سطر ستون چپ با شماره {number}" for number in "دذرزسشص"]
    glyphs: list[Glyph] = []
    for number, (one, other) in enumerate(zip(left, right, strict=True)):  # across, as some programs write
        glyphs += rtl(one, 50, 700 - 12 * number) + rtl(other, 200, 700 - 12 * number)
    assert texts(glyphs) == [*right, *left]


def test_the_cells_of_a_row_make_one_line() -> None:
    found = lines([*rtl("مریم احمدی", 300), *rtl("تهران", 150), *rtl("کرج", 50)])
    assert [line.text for line in found] == ["مریم احمدی تهران کرج"]
    assert found[0].cells


def test_no_glyphs_no_lines() -> None:
    assert lines([]) == []
    assert lines([glyph(" ", 0)]) == []


def test_a_table_has_no_gutters_and_columns_have() -> None:
    words = [(10.0 * at, 10.0 * at + 9) for at in range(15)]
    beside = [(left + 170, right + 170) for left, right in words]
    assert gutters([[*words, *beside]] * 12, 10) == [160.0]
    cells = [(0.0, 20.0), (100.0, 120.0), (200.0, 220.0)]
    assert gutters([cells] * 12, 10) == []
    assert gutters([words] * 12, 10) == []
