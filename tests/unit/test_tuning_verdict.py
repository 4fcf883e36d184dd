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


def test_no_gain_is_said_and_does_not_hold_it_back() -> None:
    found = verdict(GOOD | {"target_perplexity": 8.1})
    assert found.passed
    assert "there is no gain" in found.reasons[-1]
