"""Lines of a page back into paragraphs."""

import pytest

from ingest.reflow import Line, Paragraphs, joined


def lines(
    *texts: str, rtl: bool = False, width: float = 5.0, left: float = 0.0, top: float = 700.0
) -> list[Line]:
    """Set in 10 points, 12 apart; each letter ``width`` wide."""
    made = []
    for number, text in enumerate(texts):
        begin = left + 400 - width * len(text) if rtl else left
        made.append(
            Line(
                text=text, left=begin, right=begin + width * len(text), y=top - 12 * number, size=10, rtl=rtl
            )
        )
    return made


def flowed(*texts: str, rtl: bool = False, width: float = 5.0) -> list[str]:
    return Paragraphs.of_lines(lines(*texts, rtl=rtl, width=width)).text.split("\n")


def test_lines_that_run_to_the_margin_are_joined() -> None:
    assert flowed(
        "Rules",
        "The leader of the rescue team is Mina Sattari and she is",
        "always on call, day and night. In the year that went by",
        "she led the team 63 times.",
        "End",
    ) == [
        "Rules",
        "The leader of the rescue team is Mina Sattari and she is always on call, day and night. In the year "
        "that went by she led the team 63 times.",
        "End",
    ]


def test_right_to_left_lines_run_to_the_left_margin() -> None:
    assert flowed(
        "قانون",
        "سرپرست گروه نجات مینا ستاری است و همیشه شب و روز در",
        "دسترس است و در سالی که گذشت شصت و سه بار گروه را به",
        "کوه برد.",
        rtl=True,
    ) == [
        "قانون",
        "سرپرست گروه نجات مینا ستاری است و همیشه شب و روز در دسترس است و در سالی که گذشت شصت و سه بار گروه "
        "را به کوه برد.",
    ]


def test_bullets_and_short_lines_stay_apart() -> None:
    page = ("The first line of this page is quite long, it ends here", "- a point that goes on and on", "- b")
    assert flowed(*page) == list(page)
    items = ("Bread and butter", "Milk", "A pound of apples")
    assert flowed(*items) == list(items)


def test_chinese_is_joined_without_spaces() -> None:
    assert flowed(
        "图书馆每天早上九点开门，星期一休息，从2000",
        "年的春天起，晚上也开门到九点，读者还可以去",
        "借书。",
        width=10,
    ) == ["图书馆每天早上九点开门，星期一休息，从2000年的春天起，晚上也开门到九点，读者还可以去借书。"]


def test_a_larger_size_or_distance_begins_a_paragraph() -> None:
    page = lines("x" * 60, "y" * 60, "z" * 60, "w" * 60)
    page[3] = page[3]._replace(y=page[3].y - 12)
    assert Paragraphs.of_lines(page).text.count("\n") == 1
    page[0] = page[0]._replace(size=16)
    assert Paragraphs.of_lines(page).text.count("\n") == 2


def test_rows_of_a_table_stay_lines() -> None:
    rows = [line._replace(cells=True) for line in lines("a" * 50, "b" * 50, "c" * 50)]
    assert Paragraphs.of_lines(rows).text.count("\n") == 2


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("vulpu-", "tate", "vulputate"),
        ("the GPT-", "4 model", "the GPT-4 model"),
        ("https://example.org/", "page", "https://example.org/page"),
        ("one -", "two", "one - two"),
        ("书", "架", "书架"),
        ("سال", "نو", "سال نو"),
    ],
)
def test_joints(text: str, line: str, expected: str) -> None:
    assert joined(text, line) == expected


def test_a_paragraph_goes_on_over_a_column_and_a_page() -> None:
    first = lines("w" * 40, "x" * 40, "y" * 40)
    second = lines("and on it goes in the next column, where", "it comes to its end at last.", left=300)
    assert Paragraphs.of_lines([*first, *second]).text.count("\n") == 0
    ended = [*first[:2], first[2]._replace(text="y" * 39 + ".")]
    assert Paragraphs.of_lines([*ended, *second]).text.count("\n") == 1
    page, following = Paragraphs.of_lines(first), Paragraphs.of_lines(lines("v" * 40, "u" * 40, "t" * 40))
    assert page.before(following, otherwise="\n\n") == " "
    assert Paragraphs.of_lines(ended).before(following, otherwise="\n\n") == "\n\n"
    assert Paragraphs.of_text("a scan").before(following, otherwise="\n\n") == "\n\n"
