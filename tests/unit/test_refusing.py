"""Which answers decline to answer, in so many words."""

import pytest

from app.language import ABSTAINED
from evaluation.refusing import refuses


@pytest.mark.parametrize("text", [text for every in ABSTAINED.values() for text in every.values()])
def test_the_services_refusals_are_refusals(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "I do not know.",
        "I don't know.",
        "I dont know.",
        "I don’t know: the documents do not hold it [1].",
        "I'm sorry, but I cannot answer that.",
        "Sorry, I do not know.",
        "The sources do not mention a captain.",
        "نمی‌دانم: به نظر نمی‌رسد پاسخ در سندها باشد.",
        "نمی دانم.",
        "نمي دانم.",
        "我不知道。",
        "我不知道：文档中似乎没有答案。",
    ],
)
def test_a_refusal_in_words(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        *("At nine.", "At nine [1].", "", "I know that it is nine.", "نمی از دریا"),
        *("He said: I do not know.", "Nobody knows, I do not know either."),
    ],
)
def test_what_is_no_refusal(text: str) -> None:
    assert not refuses(text)
