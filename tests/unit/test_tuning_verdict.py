"""When an adapter may be served."""

import pytest

from tuning.verdict import verdict

GOOD = {
    "general_accuracy_base": 0.70,
    "general_accuracy": 0.69,
    "target_perplexity_base": 8.0,
    "target_perplexity": 3.0,
    "ended": 1.0,
}


def test_what_gains_and_forgets_nothing() -> None:
    found = verdict(GOOD)
    assert found.passed
    assert found.code is None
    assert "8.00 of the base, 3.00 now" in found.reasons[-1]
    assert "no gain" not in found.reasons[-1]


@pytest.mark.parametrize(
    ("figures", "code"), [({"general_accuracy": 0.679}, "forgetting"), ({"ended": 0.9}, "does_not_end")]
)
def test_what_may_not_be_served(figures: dict[str, float], code: str) -> None:
    found = verdict(GOOD | figures)
    assert (found.passed, found.code) == (False, code)


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.1, 0.3, "0.100 of the base, 0.300 now, a difference of +0.100 to +0.300 (95 %)"),
        (-0.1, 0.3, "(95 %): there is no gain, and the base serves as well"),
        (0.0, 0.0, "(95 %): there is no gain, and the base serves as well"),
        (-0.3, -0.1, "(95 %): it is worse than the base"),
    ],
)
@pytest.mark.parametrize("name", ["f1", "label_macro_f1"])
def test_a_gain_goes_by_the_answers_where_they_were_written(
    name: str, low: float, high: float, told: str
) -> None:
    scored = {
        f"{name}_base": 0.1,
        name: 0.3,
        f"{name}_gain_low": low,
        f"{name}_gain_high": high,
        "answers": 24,
    }
    found = verdict(GOOD | scored | {"target_perplexity": 8.1, "answers": 24})
    assert found.passed
    assert found.reasons[-1].endswith(told)
    assert "no gain" not in found.reasons[-2], "which goes by the answers, not by their perplexity"


def test_labels_count_more_than_words() -> None:
    scored = {"f1_base": 0.1, "f1": 0.3, "f1_gain_low": 0.1, "f1_gain_high": 0.3}
    labels = {f"label_macro_{name}": value for name, value in scored.items()}
    assert "macro-F1" in verdict(GOOD | {"answers": 24} | scored | labels).reasons[-1]


def test_one_that_was_made_weaker_says_so() -> None:
    found = verdict(GOOD | {"scale": 0.7})
    assert found.passed
    assert found.reasons[1] == "it was made weaker for that: 70% of what was learnt is in it"
    assert all("weaker" not in reason for reason in verdict(GOOD | {"scale": 1.0}).reasons)


def test_few_answers_tell_nothing() -> None:
    scored = {"f1_base": 0.1, "f1": 0.3, "f1_gain_low": 0.1, "f1_gain_high": 0.3, "answers": 4}
    assert "of 4 answers: too few to tell" in verdict(GOOD | scored).reasons[-1]


def test_no_gain_is_said_and_does_not_hold_it_back() -> None:
    found = verdict(GOOD | {"target_perplexity": 8.1})
    assert found.passed
    assert "there is no gain" in found.reasons[-1]
