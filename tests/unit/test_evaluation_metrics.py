"""Scores: what is the same scores 1 in every metric, in every script; what differs scores as SQuAD has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation import metrics
from evaluation.calibration import bins, error
from evaluation.metrics import area
from evaluation.refusal import curve, threshold

SCORES = (metrics.exact, metrics.f1, metrics.chrf)
PERSIAN = "کتابخانه‌ها هر روز، جز جمعه، ساعت ۹ باز می‌شوند."
CHINESE = "图书馆除星期五外，每天九点开门。"


@pytest.mark.parametrize("text", [PERSIAN, CHINESE, "The library opens at nine.", "۱۲٪", "C++", "。", ""])
@pytest.mark.parametrize("score", SCORES)
def test_the_same_text_scores_one(score: type, text: str) -> None:
    assert score(text, [text]) == 1.0


@given(st.text(max_size=60))
def test_whatever_the_text_it_is_like_itself(text: str) -> None:
    assert [score(text, [text]) for score in SCORES] == [1.0, 1.0, 1.0]
    assert metrics.contains(text, [text]) == bool(metrics.tokens(text))


@given(st.text(max_size=30), st.text(max_size=30))
def test_scores_lie_between_nothing_and_all(one: str, other: str) -> None:
    for score in SCORES:
        assert 0.0 <= score(one, [other]) <= 1.0 + 1e-9
    assert metrics.f1(one, [other]) == pytest.approx(metrics.f1(other, [one]))
    assert metrics.exact(one, [other]) <= metrics.f1(one, [other])


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("كتاب علي", "کتاب علی"),  # Arabic letters for Persian ones
        ("می شوند", "می‌شوند"),  # a space for ZWNJ
        ("The Normans [1]", "normans"),  # an article, case, a citation marker
        ("九点 开门 [2]。", "九点开门"),
        ("１２", "12"),  # full width
        ("state-of-the-art", "stateoftheart"),
    ],
)
def test_what_is_unified_is_the_same(answer: str, gold: str) -> None:
    assert metrics.exact(answer, [gold]) == 1.0


def test_words_that_are_shared_count_once_each() -> None:
    assert metrics.f1("opens at nine", ["nine"]) == pytest.approx(0.5)
    assert metrics.f1("nine nine nine", ["nine"]) == pytest.approx(0.5)
    assert metrics.f1("九点开", ["九点"]) == pytest.approx(0.8)  # by character
    assert metrics.f1("at ten", ["nine", "at nine"]) == pytest.approx(0.5)  # the best of several
    assert metrics.f1("", ["nine"]) == metrics.exact("", ["nine"]) == 0.0


def test_containing_is_by_whole_words_in_their_order() -> None:
    assert metrics.contains("It opens at nine.", ["at nine"])
    assert not metrics.contains("It opens at nineteen", ["nine"])
    assert not metrics.contains("nine at", ["at nine"])
    assert metrics.contains("每天九点开门。", ["九点"])
    assert not metrics.contains("anything", ["", "…"])


def test_rankings() -> None:
    ranked = ["b", "a", "c"]
    assert metrics.recall(ranked, ["a"], 1) == 0.0
    assert metrics.recall(ranked, ["a"], 2) == 1.0
    assert metrics.recall(ranked, ["a", "z"], 3) == 0.5
    assert metrics.reciprocal_rank(ranked, ["a"]) == 0.5
    assert metrics.reciprocal_rank(ranked, ["z"]) == 0.0
    assert metrics.ndcg(ranked, ["b"], 10) == 1.0
    assert metrics.ndcg(ranked, ["a"], 10) == pytest.approx(0.6309, abs=1e-4)
    assert metrics.ndcg(ranked, ["b", "a", "c"], 2) == 1.0


def test_an_interval_holds_the_mean_and_is_the_same_for_the_same_seed() -> None:
    values = [0.0, 1.0, 1.0, 1.0] * 25
    one, again = metrics.estimate(values, seed=1), metrics.estimate(values, seed=1)
    assert one == again
    assert one.low < one.mean == 0.75 < one.high
    assert 0.1 < one.high - one.low < 0.25  # 1.96 * 2 * sqrt(.75 * .25 / 100) = .17
    assert str(metrics.estimate([], seed=0)) == "–"
    assert metrics.difference(values, values, seed=0).high == 0.0


def test_a_threshold_keeps_its_price_and_the_curve_goes_from_none_to_all() -> None:
    answerable, others = [0.5 + 0.005 * one for one in range(100)], [0.3, 0.4, 0.52, 0.9]
    at = threshold(answerable, price=0.10)
    assert sum(value < at for value in answerable) == 10
    points = curve(answerable, others)
    assert (points[0].wrongly, points[0].rightly) == (0.0, 0.0)
    assert (points[-1].wrongly, points[-1].rightly) == (1.0, 1.0)
    assert any(point.wrongly == 0.0 and point.rightly == 0.5 for point in points)


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    assert area([0.9, 0.8], [0.1, 0.2]) == 1.0
    assert area([0.1], [0.9]) == 0.0
    assert area([0.5], [0.5]) == 0.5
    assert area([0.5, 0.9], [0.6, 0.1]) == 0.75


def test_calibration_error_is_the_distance_of_what_was_said_from_what_held() -> None:
    exact = bins([0.25] * 4 + [0.75] * 4, [True, False, False, False, True, True, True, False])
    assert [one.count for one in exact] == [4, 4]
    assert error(exact) == 0.0
    assert error(bins([0.9] * 10, [False] * 10)) == pytest.approx(0.9)
    assert error(bins([1.0, 0.0], [True, False])) == 0.0
