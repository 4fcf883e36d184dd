"""What says the same in other words is left out once; what only sounds alike is not."""

from collections.abc import Sequence

import numpy as np
import pytest

from app import models
from app.generator import Message
from app.settings import Settings
from indexes.records import Vectors
from tuning.paraphrases import MOST, without_paraphrases
from tuning.records import Example


def example(line: int, question: str, answer: str) -> Example:
    return Example(line=line, prompt=(Message(role="user", content=question),), answer=answer)


@pytest.fixture(scope="module")
def embed() -> object:
    return models.build_embedder(Settings()).embed_passages


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (
            ("How do I reset my password?", "Open Settings, choose Security and click Reset."),
            ("How can I reset the password?", "In Settings choose Security, then click Reset."),
            True,
        ),
        (
            ("چگونه رمز عبورم را عوض کنم؟", "در تنظیمات بخش امنیت را باز کنید."),
            ("چطور می‌توانم رمز عبور را تغییر دهم؟", "بخش امنیت را در تنظیمات باز کنید."),
            True,
        ),
        (
            ("如何重置密码？", "在设置里选择安全，然后点击重置。"),
            ("怎样重设我的密码？", "打开设置，选择安全，再点击重置。"),
            True,
        ),
        (
            ("When does the ferry leave?", "It leaves at 12."),
            ("What time does the ferry depart?", "It departs at 14."),
            False,
        ),
        (
            ("Which court convicted the group?", "A court in Iraq"),
            ("Whom did the court in Iraq convict?", "The group"),
            False,
        ),
        (
            ("When does the ferry leave?", "It leaves at noon."),
            ("What does the ferry cost?", "It is free."),
            False,
        ),
    ],
    ids=["en", "fa", "zh", "another number", "the other way round", "another question"],
)
def test_by_what_they_mean(
    embed: object, one: tuple[str, str], other: tuple[str, str], *, same: bool
) -> None:
    kept, dropped = without_paraphrases([example(1, *one), example(2, *other)], embed)  # type: ignore[arg-type]
    assert [row.line for row in kept] == ([1] if same else [1, 2])
    assert [(row.line, row.reason, row.repeats) for row in dropped] == (
        [(2, "paraphrase", 1)] if same else []
    )


def test_too_many_are_not_looked_at() -> None:
    def never(texts: Sequence[str]) -> Vectors:
        raise AssertionError(len(texts))

    rows = [example(number, "the same", "the same") for number in range(MOST + 1)]
    assert without_paraphrases(rows, never) == (tuple(rows), ())


def test_the_first_of_many_is_kept() -> None:
    rows = [example(number, f"{'very ' * number}often", "the same") for number in range(5)]
    kept, dropped = without_paraphrases(rows, lambda texts: np.ones((len(texts), 1), np.float32))
    assert [row.line for row in kept] == [0]
    assert {row.repeats for row in dropped} == {0}
