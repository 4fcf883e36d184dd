"""Who has the device: the engines together, or one training alone."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.engine.device import Device, shared_device
from app.settings import Settings
from tests.support.waiting import until

NEVER = threading.Event()
HOLD = """
import sys, threading
from pathlib import Path
from app.engine.device import Device
with Device(Path(sys.argv[1])).alone(threading.Event()):
    print("alone", flush=True)
    threading.Event().wait(60)
"""


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[tuple[Device, Device, Device]]:
    """As three processes see it."""
    with ExitStack() as stack:
        made = tuple(Device(tmp_path / "var") for _ in range(3))
        for one in made:
            stack.callback(one.close)
        yield made[0], made[1], made[2]


def test_engines_have_it_together_and_a_training_alone(devices: tuple[Device, Device, Device]) -> None:
    one, other, training = devices
    assert one.take()
    assert other.take()
    assert one.take(), "which it has"
    inside = threading.Event()
    over = threading.Event()

    def train() -> None:
        with training.alone(NEVER) as given:
            assert given
            inside.set()
            over.wait(20)

    thread = threading.Thread(target=train)
    thread.start()
    until(lambda: one.wanted)
    one.leave()
    assert not inside.wait(1), "the other engine is there yet"
    other.leave()
    assert inside.wait(5)
    assert not one.take()
    over.set()
    thread.join()
    assert one.take()


def test_an_engine_that_loses_it_while_it_starts_leaves(devices: tuple[Device, Device, Device]) -> None:
    engine, training, _ = devices
    assert engine.take()
    thread = threading.Thread(target=lambda: training.alone(NEVER).__enter__())
    thread.start()
    until(lambda: engine.wanted)
    assert not engine.take()
    thread.join(5)
    assert not thread.is_alive(), "it has it"


def test_who_is_cancelled_while_it_waits_wants_it_no_more(devices: tuple[Device, Device, Device]) -> None:
    engine, training, _ = devices
    assert engine.take()
    cancelled = threading.Event()
    threading.Timer(0.2, cancelled.set).start()
    with training.alone(cancelled) as given:
        assert not given
    assert not engine.wanted


def test_one_training_after_the_other(devices: tuple[Device, Device, Device]) -> None:
    one, other, engine = devices
    cancelled = threading.Event()
    cancelled.set()
    with one.alone(NEVER) as first, other.alone(cancelled) as second:
        assert (first, second) == (True, False)
    assert not engine.wanted
    with other.alone(cancelled) as given:
        assert given


def test_a_killed_training_leaves_it(devices: tuple[Device, Device, Device], tmp_path: Path) -> None:
    engine = devices[0]
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "var")], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "alone\n"
        assert not engine.take()
        child.kill()
    begun = time.monotonic()
    until(engine.take)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("settings", "rests"),
    [
        ({"device": "cpu"}, False),
        ({"device": "cpu", "engine_rests": "always"}, True),
        ({"device": "cuda"}, True),
        ({"device": "cuda", "engine_rests": "never"}, False),
        ({"device": "cuda", "generator_urls": ["http://gpu:8000"]}, False),
    ],
)
def test_where_it_rests(settings: dict[str, object], rests: bool, tmp_path: Path) -> None:
    made = Settings(data_dir=tmp_path, **settings)
    assert (shared_device(made) is not None) == rests
