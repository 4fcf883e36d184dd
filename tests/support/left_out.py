"""What a machine may lack, CI's may not."""

import os
from typing import NoReturn

import pytest


def leave_out(reason: str) -> NoReturn:
    """Skip the test, or under CI fail it: ``reason`` says what is not there and how to get it."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(f"left out: {reason}")
