"""The application over fakes, for every route's tests."""

from tests.support.api import api, empty_database, server, settings, worker

__all__ = ["api", "empty_database", "server", "settings", "worker"]
