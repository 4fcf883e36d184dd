"""A Chromium for the pages, and the application over fakes for those that need no engine."""

from collections.abc import Iterator

import pytest
from chat_page import CHROMIUM, chromium
from playwright.sync_api import Browser

from tests.support.api import empty_database, worker
from tests.support.left_out import leave_out

__all__ = ["browser", "empty_database", "worker"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        leave_out(f"{CHROMIUM} is not there (apt-get install chromium)")
    with chromium() as opened:
        yield opened
