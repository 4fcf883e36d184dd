"""A sample of `make torture`: the lane of each database for a while."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.torture.torture import torture

KILLS = 20


@pytest.mark.timeout(600)
def test_nothing_is_lost_doubled_or_back(database: Engine, tmp_path: Path) -> None:
    url = database.url.render_as_string(hide_password=False)
    database.dispose()
    name = database.dialect.name
    outcome = torture({name: url}, tmp_path, kills=KILLS, seed=1, say=lambda _text: None)[name]
    assert outcome.killed.total() >= KILLS
    assert {role for role, _ in outcome.killed} >= {"api", "worker"}
