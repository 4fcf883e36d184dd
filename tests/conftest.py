"""What every test may ask for. Heavy fixtures are made once a session; see tests/support."""

import os
from pathlib import Path

import pytest

from tests.support.left_out import leave_out

pytest_plugins = [
    "tests.support.database",
    "tests.support.engine",
    "tests.support.ingestion",
    "tests.support.crawling",
    "tests.support.pages",
    "tests.support.service",
    "tests.support.sharing",
    "tests.support.training",
]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's own shell reaches a test."""
    for name in list(os.environ):
        if name.startswith("SIMURGH_") and name not in ("SIMURGH_DATA", "SIMURGH_MODELS_DIR"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The public data sets, which are kept outside the repository."""
    folder = Path(os.environ.get("SIMURGH_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        leave_out(f"the data sets are not at {folder} (set SIMURGH_DATA)")
    return folder.absolute()
