"""What the service takes: itself and all that it started."""

import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from app import memory
from app.memory import taken

HOLDS = 64 << 20  # bytes
CHILD = f"held = bytearray(b'x' * {HOLDS}); print('held', flush=True); input()"


def test_a_child_counts() -> None:
    before = taken()
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        child.stdout.readline()
        assert taken() - before > 0.8 * HOLDS
        child.communicate(b"\n")
    assert taken() - before < 0.2 * HOLDS


@pytest.mark.parametrize("denied", [psutil.AccessDenied(1), AttributeError("pss")])
def test_where_pss_cannot_be_read_it_is_rss(monkeypatch: pytest.MonkeyPatch, denied: Exception) -> None:
    def full() -> None:
        raise denied

    process = SimpleNamespace(
        memory_full_info=full, memory_info=lambda: SimpleNamespace(rss=7), children=lambda recursive: []
    )
    monkeypatch.setattr(memory.psutil, "Process", lambda: process)
    assert taken() == 7
