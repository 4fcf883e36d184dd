"""Of what the model proposes, that is kept which answers best, if it forgot nothing."""

from pathlib import Path

import pytest

from tuning.self_edit import Proposal, best, self_edit
from tuning.tune import Tuned
from tuning.verdict import Verdict
from tuning.workspace import Outcome


def tuned(f1: float, *, base: float = 0.2, passed: bool = True) -> Tuned:
    return Tuned(
        outcome=Outcome(status="succeeded", figures={"f1": f1, "f1_base": base}),
        verdict=Verdict(passed=passed, reasons=("so",), code=None if passed else "forgetting"),
    )


FAILED = Tuned(outcome=Outcome(status="failed", code="nan_loss", message="it came to nothing"), verdict=None)


@pytest.mark.parametrize(
    ("results", "kept"),
    [
        ([tuned(0.3), tuned(0.5), tuned(0.4)], 2),
        ([tuned(0.3), tuned(0.9, passed=False)], 1),
        ([tuned(0.2), tuned(0.1)], None),
        ([FAILED, tuned(0.21)], 2),
        ([FAILED, None], None),
        ([None, tuned(0.3)], 2),
    ],
    ids=["the best", "not what forgot", "no gain", "not what failed", "nothing", "not what has no rows"],
)
def test_which_is_kept(tmp_path: Path, results: list[Tuned | None], kept: int | None) -> None:
    told: list[Proposal] = []
    found = self_edit(
        len(results),
        propose=lambda number: (tmp_path / str(number), 0 if results[number - 1] is None else 7),
        learn=lambda number, file: _learnt(results, number, file),
        tell=told.append,
    )
    assert told == list(found)
    assert [one.number for one in found] == list(range(1, len(results) + 1))
    chosen = best(found)
    assert (None if chosen is None else chosen.number) == kept


def _learnt(results: list[Tuned | None], number: int, file: Path) -> Tuned:
    assert file.name == str(number)
    found = results[number - 1]
    assert found is not None, "nothing is learnt where there is no row"
    return found


def test_what_is_said_of_each() -> None:
    assert str(Proposal(number=1, rows=0, tuned=None)) == "proposal 1: no row held"
    assert str(Proposal(number=2, rows=7, tuned=FAILED)) == "proposal 2: 7 rows, it came to nothing"
    assert str(Proposal(number=3, rows=7, tuned=tuned(0.3))) == "proposal 3: 7 rows, F1 0.300 (+0.100)"
    assert str(Proposal(number=4, rows=7, tuned=tuned(0.1, passed=False))).endswith("(-0.100), forgetting")
