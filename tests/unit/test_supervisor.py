"""The supervisor: a taken port explained, children ended with it, restarted, and given up."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import Settings
from app.supervisor import MAX_RESTARTS, Supervisor, port_problem
from tests.support.service import free_port

ROOT = Path(__file__).parents[2]
# Two children that note their ids; the stubborn one hears no SIGTERM.
PROGRAM = """
import sys
from app.settings import Settings
from app.supervisor import Supervisor
child = "import os,signal,sys,time; {deaf}open(sys.argv[1],'a').write(f'{{os.getpid()}} '); time.sleep(60)"
commands = {{name: [sys.executable, "-c", child, sys.argv[1]] for name in ("api", "worker")}}
supervisor = Supervisor(
    Settings(_env_file=None), print, commands=commands, first_pause=0.01, patience={patience}
)
sys.exit(supervisor.run())
"""


@pytest.fixture
def note(tmp_path: Path) -> Iterator[Path]:
    """Where the children write their ids; whoever is left at the end is killed."""
    file = tmp_path / "ids"
    yield file
    for child in pids(file):
        if alive(child):
            os.kill(child, signal.SIGKILL)


def pids(note: Path) -> list[int]:
    return [int(one) for one in note.read_text().split()] if note.exists() else []


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for_children(note: Path, count: int) -> list[int]:
    deadline = time.monotonic() + 20
    while len(pids(note)) < count:
        assert time.monotonic() < deadline, "the children did not start"
        time.sleep(0.02)
    return pids(note)


def start(note: Path, *, deaf: bool = False, patience: float = 10) -> subprocess.Popen[bytes]:
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " if deaf else ""
    program = PROGRAM.format(deaf=ignore, patience=patience)
    return subprocess.Popen([sys.executable, "-c", program, str(note)], cwd=ROOT, stdout=subprocess.PIPE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_both_children(note: Path, number: signal.Signals) -> None:
    supervisor = start(note)
    children = wait_for_children(note, 2)
    supervisor.send_signal(number)
    supervisor.communicate(timeout=20)
    assert supervisor.returncode == 0
    assert not any(map(alive, children))


def test_a_deaf_child_is_killed(note: Path) -> None:
    supervisor = start(note, deaf=True, patience=0.3)
    children = wait_for_children(note, 2)
    supervisor.send_signal(signal.SIGTERM)
    said, _ = supervisor.communicate(timeout=20)
    assert b"does not end by itself" in said
    assert not any(map(alive, children))


def test_a_child_that_dies_is_started_again(note: Path) -> None:
    supervisor = start(note)
    first, second = wait_for_children(note, 2)
    os.kill(first, signal.SIGKILL)
    third = wait_for_children(note, 3)[-1]
    assert alive(second)
    assert alive(third)
    supervisor.send_signal(signal.SIGINT)
    said, _ = supervisor.communicate(timeout=20)
    assert b"ended unexpectedly (status -9); starting it again" in said
    assert not alive(third)


@pytest.fixture
def own_signals() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_signals")
def test_a_child_that_keeps_dying_is_given_up() -> None:
    said: list[str] = []
    commands = {"api": [sys.executable, "-c", "import time; time.sleep(60)"], "worker": ["false"]}
    supervisor = Supervisor(Settings(_env_file=None), said.append, commands=commands, first_pause=0.001)
    assert supervisor.run() == 1
    assert len(said) == MAX_RESTARTS + 1
    assert said[-1].endswith("giving up.")


def at(host: str, port: int) -> Settings:
    return Settings(_env_file=None, host=host, port=port, api_key="a-long-enough-key-of-ours")


def test_a_taken_port_is_explained() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        problem = port_problem(at("127.0.0.1", taken.getsockname()[1]))
    assert problem is not None
    assert "another program has the port" in problem
    assert "SIMURGH_PORT" in problem


def test_a_free_port_is_no_problem() -> None:
    assert port_problem(at("127.0.0.1", free_port())) is None


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_strange_address_is_not_called_a_taken_port(host: str) -> None:
    problem = port_problem(at(host, 8000))
    assert problem is not None
    assert "no such address" in problem
