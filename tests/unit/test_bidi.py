"""From seen to read order. What is seen is written here as it stands on paper, from left to right."""

import pytest

from ingest.bidi import logical, unmirrored


def read(seen: list[str], *, rtl: bool = True, after_letter: bool = True) -> str:
    return "".join(seen[at] for at in logical(seen, rtl=rtl, after_letter=after_letter))


def shown(text: str, *turned: str) -> list[str]:
    """As a right-to-left line shows ``text``, in which the runs ``turned`` go to the right."""
    parts: list[str] = []
    while text:
        run = next((one for one in turned if text.startswith(one)), text[0])
        parts = [*run, *parts] if len(run) > 1 else [run, *parts]
        text = text[len(run) :]
    return parts


@pytest.mark.parametrize(
    ("text", "turned"),
    [
        ("سلام بر شما", ()),
        ("در سال ۱۴۰۳ آمد", ("۱۴۰۳",)),
        ("تاریخ ۱۴۰۳/۰۵/۱۲ بود", ("۱۴۰۳/۰۵/۱۲",)),
        ("عدد ۳٫۱۴ و ۱۲٬۵۰۰", ("۳٫۱۴", "۱۲٬۵۰۰")),
        ("عدد 2.5.1 است", ("2.5.1",)),
        ("تلفن ۰۲۱-۸۸۷۷ است", ("۰۲۱", "۸۸۷۷")),
        ("حدود ۴۵٪ از", ("۴۵",)),
        ("از Windows 11 و", ("Windows 11",)),
        ("نشانی https://example.org/a?b=1 است", ("https://example.org/a?b=1",)),
        ("مدل LoRA (rank=16) را", ("LoRA (rank=16)",)),
        ("پایان با Tesseract", ("Tesseract",)),
        ("Python آغاز است", ("Python",)),
        ("שלום 2024 Python עולם", ("2024 Python",)),
        ("بازهٔ ۶–۰ است", ()),
    ],
)
def test_right_to_left_lines(text: str, turned: tuple[str, ...]) -> None:
    assert read(shown(text, *turned)) == text


def test_signs_at_the_start_of_a_line_hold_a_number_together() -> None:
    seen = [*"12-05"]
    assert read(seen, after_letter=False) == "12-05"
    assert read(seen, after_letter=True) == "05-12"
    assert read([*"50%"], after_letter=False) == "50%"


def test_right_to_left_words_in_a_left_to_right_line() -> None:
    assert read([*"The word ", *"باتک", *" means book"], rtl=False) == "The word کتاب means book"
    assert read([*"see ", *"بود", " ", "1", "2", " ", *"لاس", "."], rtl=False) == "see سال 12 دوب."


def test_what_the_file_says_parts_a_latin_run() -> None:
    seen = [*"GB ", "8"]
    assert "".join(seen[at] for at in logical(seen, rtl=True)) == "GB 8"
    leftwards = [False, False, True, False]
    assert "".join(seen[at] for at in logical(seen, rtl=True, leftwards=leftwards)) == "8 GB"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("»سیمرغ« است", "«سیمرغ» است"),
        ("(۱۴۰۳)", "(۱۴۰۳)"),
        ("در )سال( و", "در (سال) و"),
        ("«مرگ بر جنگ.«", "«مرگ بر جنگ.»"),
        ("گفت: »بیا«، رفت", "گفت: «بیا»، رفت"),
        ("۱۹۱۴(ماه", "۱۹۱۴(ماه"),
    ],
)
def test_brackets(text: str, expected: str) -> None:
    assert unmirrored(text) == expected
