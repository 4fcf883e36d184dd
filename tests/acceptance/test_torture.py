"""A sample of `make torture`: the lane of each database for a while."""

from pathlib import Path

import pytest

from tests.torture.torture import torture

KILLS = 20


@pytest.mark.timeout(600)
def test_nothing_is_lost_doubled_or_back(empty_url: str, tmp_path: Path) -> None:
    name = empty_url.split(":")[0]
    outcome = torture({name: empty_url}, tmp_path, kills=KILLS, seed=1, say=lambda _text: None)[name]
    assert {role for role, _ in outcome.killed} >= {"api", "worker"}
    assert sum(number for (role, _), number in outcome.killed.items() if role != "purge") >= KILLS
