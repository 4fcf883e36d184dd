"""Tests that run beside others are shared out by group: else each process would start the real engine."""

import os
from collections import Counter
from pathlib import Path

import pytest


def test_the_groups_reach_xdist(request: pytest.FixtureRequest) -> None:
    assert "PYTEST_XDIST_WORKER" not in os.environ or request.node.nodeid.endswith("@test_sharing.py")


def test_every_file_of_tests_has_a_name_of_its_own() -> None:
    """Two of one name are two modules of one name: pytest collects the first alone and ends in an error."""
    files = Path(__file__).parents[1].rglob("test_*.py")
    names = Counter(file.name for file in files)
    assert [name for name, times in names.items() if times > 1] == []
