"""Whoever ingests waits while a question is answered, and not for longer."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from indexes import precedence as module
from indexes.precedence import Precedence

OTHER = """
import sys, time
from pathlib import Path
from indexes.precedence import Precedence
with Precedence(Path(sys.argv[1])).asking():
    print("asking", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "var" / "asking.lock"


def test_nobody_asks(place: Path) -> None:
    assert Precedence(place).give_way() == 0.0


def test_it_waits_until_the_last_question_is_answered(place: Path) -> None:
    api, worker = Precedence(place), Precedence(place)
    first, second = api.asking(), api.asking()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    timer = threading.Timer(0.2, second.__exit__, (None, None, None))
    timer.start()
    assert 0.15 < worker.give_way() < module.LONGEST
    timer.join()
    assert worker.give_way() == 0.0


def test_the_end_of_one_api_is_not_that_of_another(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 0.2)
    one, other, worker = (Precedence(place) for _ in range(3))
    with one.asking():
        with other.asking():
            pass
        assert worker.give_way() >= 0.2
    assert worker.give_way() == 0.0


def test_questions_without_end_do_not_stop_it(place: Path) -> None:
    api, worker = Precedence(place), Precedence(place)
    with api.asking():
        begun = time.monotonic()
        assert worker.give_way() >= module.LONGEST
        assert time.monotonic() - begun < 10 * module.LONGEST


def test_a_killed_api_asks_no_more(place: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OTHER, str(place)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"asking\n"
        worker = Precedence(place)
        assert worker.give_way() > 0
        other.kill()
        other.wait()
        assert worker.give_way() == 0.0
