"""A sample of `make torture`: the lane of each database for a while."""

import threading
from pathlib import Path

import pytest

from tests.torture.torture import torture

KILLS = 20


@pytest.mark.timeout(600)
def test_nothing_is_lost_doubled_or_back(empty_url: str, tmp_path: Path) -> None:
    name, enough = empty_url.split(":")[0], threading.Event()
    outcomes = torture(
        {name: empty_url}, tmp_path, kills=KILLS, seed=1, say=lambda _text: None, enough=enough
    )
    assert {role for role, _ in outcomes[name].killed} >= {"api", "worker"}
    assert outcomes[name].served >= KILLS
