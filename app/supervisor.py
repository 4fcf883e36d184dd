"""`simurgh serve`: the API and the worker as two processes, started, watched and stopped together."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from app.engine.orphans import die_with_parent
from app.settings import Settings

STOP_PATIENCE = 20.0  # seconds a child may take to end by itself
POLL = 0.2
STEADY = 30.0  # seconds after which a child's restart counter is forgotten
MAX_RESTARTS = 5
PARENT = "SIMURGH_SUPERVISOR"  # variable that tells a child its supervisor's process id
API, WORKER = "api", "worker"
OTHER_PORT = "choose another: `make serve PORT=8001` or SIMURGH_PORT=8001"
PROGRAM = [sys.executable, "-m", "app.cli.main"]
COMMANDS = {API: [*PROGRAM, "serve", "--no-worker"], WORKER: [*PROGRAM, "worker"]}
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0  # seconds before a restart, doubled each time


def port_problem(settings: Settings) -> str | None:
    """Why the address cannot be listened on; None when it can."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            where = f"cannot listen on {settings.host}:{settings.port} ({error.strerror})"
            if error.errno == errno.EADDRINUSE:
                return f"{where}: another program has the port. Stop it, or {OTHER_PORT}"
            if error.errno == errno.EACCES:
                return f"{where}: ports below 1024 need a right that you lack; {OTHER_PORT}"
            return f"{where}: this machine has no such address; set SIMURGH_HOST=127.0.0.1"
    return None


def stop_with_supervisor() -> None:
    """In a child: a supervisor that is killed takes its children along. Without one, nothing."""
    if os.environ.get(PARENT) == str(os.getppid()):
        die_with_parent(signal.SIGTERM)


class Supervisor:
    """Restarts a child that dies, with growing pauses; gives up on one that keeps dying.

    ``commands`` are the children by name.
    """

    def __init__(
        self,
        settings: Settings,
        say: Callable[[str], None],
        *,
        commands: Mapping[str, Sequence[str]] = COMMANDS,
        first_pause: float = FIRST_PAUSE,
        patience: float = STOP_PATIENCE,
    ) -> None:
        self._say = say
        self._commands = commands
        self._first_pause = first_pause
        self._patience = patience
        self._environment = {
            **os.environ,
            "SIMURGH_HOST": settings.host,
            "SIMURGH_PORT": str(settings.port),
            PARENT: str(os.getpid()),
        }
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._restarts: dict[str, int] = {}
        self._stopping = False

    def run(self) -> int:
        """Until a signal comes (exit status 0) or a child cannot be kept alive (1)."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        for name in self._commands:
            self._start(name)
        status = 0
        while not self._stopping:
            time.sleep(POLL)
            for name, child in list(self._children.items()):
                if child.poll() is not None and not self._stopping and not self._restart(name):
                    status, self._stopping = 1, True
        self._end_all()
        return status

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _start(self, name: str) -> None:
        # A session of its own: Ctrl-C reaches the supervisor alone, which then ends both in order.
        self._children[name] = subprocess.Popen(  # noqa: S603  our own command
            self._commands[name],
            env=self._environment,
            start_new_session=True,
        )
        self._started[name] = time.monotonic()

    def _restart(self, name: str) -> bool:
        code = self._children[name].returncode
        if time.monotonic() - self._started[name] > STEADY:
            self._restarts[name] = 0
        count = self._restarts[name] = self._restarts.get(name, 0) + 1
        if count > MAX_RESTARTS:
            self._say(f"The {name} ended {count} times in a row (status {code}): giving up.")
            return False
        self._say(f"The {name} ended unexpectedly (status {code}); starting it again.")
        pause = min(self._first_pause * 2 ** (count - 1), LONGEST_PAUSE)
        until = time.monotonic() + pause
        while time.monotonic() < until and not self._stopping:  # Ctrl-C is heard meanwhile
            time.sleep(min(POLL, pause))
        if not self._stopping:
            self._start(name)
        return True

    def _end_all(self) -> None:
        for child in self._children.values():
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._patience
        for name, child in self._children.items():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"The {name} does not end by itself: killing it.")
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
