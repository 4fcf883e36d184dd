"""Tests that run beside others are shared out by group: else each process would start the real engine."""

import os

import pytest


def test_the_groups_reach_xdist(request: pytest.FixtureRequest) -> None:
    assert "PYTEST_XDIST_WORKER" not in os.environ or request.node.nodeid.endswith("@test_sharing.py")
