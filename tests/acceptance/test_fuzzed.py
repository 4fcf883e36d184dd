"""A little of `make fuzz`, always the same: the targets hold for honest files and what is next to them."""

from pathlib import Path

from tests.fuzz.fuzzing import BEGINNINGS, fuzz
from tests.fuzz.targets import TARGETS

RUNS = 400  # of each target
SECONDS = 100  # at most


def test_a_while_of_each_target(tmp_path: Path) -> None:
    assert BEGINNINGS.keys() == TARGETS.keys()
    done = list(fuzz(tmp_path, seconds=SECONDS, targets=list(TARGETS), seed=1, workers=2, runs=RUNS))
    assert [one.failure for one in done if one.failure] == []
    assert all(one.runs > 10 and one.reached > 50 for one in done), done
