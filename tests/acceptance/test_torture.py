"""A sample of `make torture` on each database."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.torture.torture import torture

KILLS = 4


@pytest.mark.timeout(600)
def test_nothing_is_lost_doubled_or_back(database: Engine, tmp_path: Path) -> None:
    url = database.url.render_as_string(hide_password=False)
    database.dispose()
    assert torture(url, tmp_path, kills=KILLS, seed=1, say=lambda _text: None).total() >= KILLS
