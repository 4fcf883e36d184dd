"""Label tasks: found by their answers, scored by what was said."""

import numpy as np
import pytest

from evaluation.judging.labels import confusion, label, labels_of, macro_f1, scores
from evaluation.judging.rows import Row
from evaluation.judging.scores import judged

MOODS = ("negative", "neutral", "positive")


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (["Positive", "negative", "positive."] * 3, ("Positive", "negative")),
        (["مثبت", "منفی", "خنثی"] * 4, ("خنثی", "مثبت", "منفی")),
        (["正面", "负面"] * 4, ("正面", "负面")),
        (["yes"] * 9, ()),  # one label is no task
        (["yes", "yes", "no", "no"], ()),  # too rarely
        ([f"label {number}" for number in range(21)] * 3, ()),  # too many
        (["yes", "a much longer answer than a label is"] * 5, ()),
        (["yes", "no", "…"] * 5, ()),  # nothing was said
        ([], ()),
    ],
)
def test_what_is_a_label_task(answers: list[str], found: tuple[str, ...]) -> None:
    assert labels_of(answers) == found


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ("positive", 2),
        (" Positive. ", 2),
        ("The mood of this message is negative.", 0),
        ("positive or negative", None),
        ("good", None),
        ("", None),
        ("nonnegative", None),
    ],
)
def test_the_label_that_an_answer_names(answer: str, named: int | None) -> None:
    assert label(answer, MOODS) == named


def test_labels_of_one_letter_must_stand_alone() -> None:
    assert labels_of(["A", "B", "C"] * 3) == ("A", "B", "C")
    letters, moods = ("A", "B", "C"), ("好", "坏")
    assert [label(answer, letters) for answer in ("a.", "B)", "A boat", "it is C")] == [0, 1, None, None]
    assert [label(answer, moods) for answer in ("坏。", "你好")] == [1, None]


def test_a_label_within_another_is_not_named_by_it() -> None:
    assert label("very positive", ("positive", "very positive")) == 1
    assert label("positive", ("positive", "very positive")) == 0
    assert label("这是非常正面的", ("正面", "非常正面")) == 1


def row(gold: str, base: str, tuned: str) -> Row:
    return Row(question="How?", gold=gold, base=base, tuned=tuned)


ROWS = [
    row("negative", "negative", "negative"),
    row("negative", "positive", "negative"),
    row("neutral", "positive", "neutral"),
    row("neutral", "I cannot say", "positive"),
    row("positive", "positive", "positive"),
    row("positive", "It is positive.", "positive"),
] * 4


def test_confusion_and_macro_f1_by_hand() -> None:
    found = confusion(ROWS, MOODS)
    assert found.base == ((4, 0, 4, 0), (0, 0, 4, 4), (0, 0, 8, 0))
    assert found.tuned == ((8, 0, 0, 0), (0, 4, 4, 0), (0, 0, 8, 0))
    accuracy, macro = scores(ROWS, MOODS, seed=0)
    # F1 of negative 2*4/(8+4), neutral 0, positive 2*8/(8+16)
    assert macro.base.mean == pytest.approx((2 / 3 + 0 + 2 / 3) / 3)
    # negative 1, neutral 2*4/(8+4), positive 2*8/(8+12)
    assert macro.tuned.mean == pytest.approx((1 + 2 / 3 + 4 / 5) / 3)
    assert (accuracy.base.mean, accuracy.tuned.mean) == pytest.approx((12 / 24, 20 / 24))
    assert macro.gain.low > 0


def test_a_label_that_does_not_occur_counts_nothing() -> None:
    assert macro_f1(np.array([[3, 0, 0, 0], [0, 0, 0, 0], [0, 0, 2, 0]])) == 1.0


def test_a_label_task_is_scored_as_one() -> None:
    found = judged(ROWS, learnt=list(MOODS) * 10)
    assert [one.name for one in found.scores] == ["label_accuracy", "label_macro_f1"]
    assert found.confusion is not None
    assert found.confusion.labels == MOODS
    free = judged(ROWS, learnt=[f"answer {number}" for number in range(30)])
    assert free.confusion is None
    assert "f1" in free.figures()
