"""Follow-up questions stand alone after rewriting; questions that name their subject stay as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.generator import Message
from app.rewrite import follows_up, standalone


def said(*turns: str) -> list[Message]:
    return [
        Message(role="user" if number % 2 == 0 else "assistant", content=turn)
        for number, turn in enumerate(turns)
    ]


@pytest.mark.parametrize(
    "question",
    [
        "When was it built?", "Who was his wife?", "And in 1990?", "What about Paris?", "Why?", "Which year?",
        "How many people lived there?", "WHO IS SHE?",
        "او کجا به دنیا آمد؟", "آن در چه سالی ساخته شد؟", "چرا؟", "و در تهران چطور؟", "همسر‌اش که بود؟",
        "كي ساخته شد آن؟",
        "他什么时候出生？", "它在哪里？", "为什么？", "那上海呢？", "其首都是哪里？", "该站有几个出口？",
    ],
)  # fmt: skip
def test_what_leans_on_what_was_said(question: str) -> None:
    assert follows_up(question)


@pytest.mark.parametrize(
    "question",
    [
        "When was the Eiffel Tower built?", "What is photosynthesis?", "When did France lose its colonies?",
        "Is there a fee for late returns?", "Define entropy", "¿Dónde está la biblioteca?",
        "برج ایفل کی ساخته شد؟", "پس از جنگ جهانی دوم چه کسی رئیس‌جمهور شد؟", "آگوستوس از نوادگان چه کسی بود؟",
        "埃菲尔铁塔是什么时候建成的？", "土耳其的首都是哪里？", "钱钟书在他几岁时去世？", "吉他有几根弦？",
        "应该何时申请？",
    ],
)  # fmt: skip
def test_what_names_its_subject(question: str) -> None:
    assert not follows_up(question)
    history = said("Who wrote Hamlet?", "William Shakespeare wrote it in 1601.")
    assert standalone(question, history) == question


def test_without_a_history_nothing_is_added() -> None:
    assert standalone("When was it built?", []) == "When was it built?"
    assert standalone("When was it built?", said()[:0]) == "When was it built?"


def test_the_subject_of_the_last_question_is_added_and_weighs_less() -> None:
    history = said("Where is the Eiffel Tower?", "It stands in Paris, near gate 12.")
    query = standalone("When was it built?", history)
    assert query == "When was it built? When was it built? eiffel tower Paris 12"


def test_a_follow_up_to_a_follow_up_is_traced_back() -> None:
    history = said("Where is the Eiffel Tower?", "In Paris.", "Who designed it?", "A firm.")
    assert standalone("Why?", history).split("Why? Why? ")[1].split()[:3] == ["designed", "eiffel", "tower"]


def test_only_the_last_subject_counts() -> None:
    history = said("Where is the Eiffel Tower?", "In Paris.", "Who wrote Hamlet?", "Shakespeare.")
    query = standalone("When was it written?", history)
    assert "hamlet" in query
    assert "eiffel" not in query


def test_persian_and_chinese() -> None:
    assert standalone("او کجا به دنیا آمد؟", said("علي حاتمي که بود؟", "کارگردان.")).endswith("علی حاتمی")
    assert standalone("它在哪里？", said("埃菲尔铁塔是什么时候建成的？", "1889年。")).endswith(
        "埃菲尔铁塔 建成 1889"
    )


@given(st.text(max_size=60), st.lists(st.text(max_size=60), max_size=5))
def test_the_question_is_always_in_the_query(question: str, turns: list[str]) -> None:
    query = standalone(question, said(*turns))
    assert query.startswith(question)
    assert len(query) <= 2 * len(question) + 2 + 60 * 5 + 20
