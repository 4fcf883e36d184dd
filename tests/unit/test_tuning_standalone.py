"""Questions that stand alone, in three languages, and such that do not."""

import pytest

from tuning.standalone import stands_alone


@pytest.mark.parametrize(
    "question",
    [
        "When does the ferry to Norholm leave the harbour?",
        "Who wrote the novel Moby-Dick?",
        "How many pages does a passport of Norholm have?",
        "Which documents does the harbour office of Norholm ask for?",
        "کشتی نورهلم چه زمانی از بندر حرکت می‌کند؟",
        "نویسندهٔ کتاب شاهنامه چه کسی است؟",
        "دفتر بندر نورهلم چه سندهایی می‌خواهد؟",
        "诺霍尔姆的渡轮几点离开港口？",
        "《红楼梦》的作者是曹雪芹吗？",
    ],
)
def test_stands_alone(question: str) -> None:
    assert stands_alone(question)


@pytest.mark.parametrize(
    "question",
    [
        "When does it leave?",
        "What is the main idea of the passage?",
        "According to the text, when does the ferry leave Norholm?",
        "What does this document say of the ferry to Norholm?",
        "Which of the ports mentioned above is the oldest harbour?",
        "What does the author think of the harbour of Norholm?",
        "Who is he?",
        "The ferry leaves Norholm at noon.",
        "او چه زمانی رفت؟",
        "بر اساس متن، کشتی نورهلم چه زمانی حرکت می‌کند؟",
        "این متن دربارهٔ بندر نورهلم چه می‌گوید؟",
        "در متن بالا از کدام بندر نام برده شده است؟",
        "它几点离开？",
        "根据上文，诺霍尔姆的渡轮几点离开？",
        "这段文字主要讲了诺霍尔姆的什么？",
        "本文作者认为诺霍尔姆的港口怎么样？",
    ],
)
def test_does_not(question: str) -> None:
    assert not stands_alone(question)
