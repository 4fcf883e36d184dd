"""One database tortured: an API, a worker and a purge, each killed and started again, under traffic."""

import multiprocessing
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from app.compose import TENANT
from indexes.collections import Collections
from indexes.embedder import FakeEmbedder
from indexes.queue import Queue
from tests.torture import victim
from tests.torture.check import check_end, require_no_double
from tests.torture.client import Client, Door
from tests.torture.ledger import COLLECTIONS
from tests.torture.points import POINTS

ANY_TIME = "any time"
SOURCES = 8  # that a client hands in; as many may wait for the worker
CLIENTS = 2
PATIENCE = 12  # starts of an API that a victim may take to come to its point; then it is killed where it is
SHORTEST, LONGEST = 2.5, 60.0  # seconds of that
PURGES = 0.15  # of all kills, at most; `kills` are those of API and worker
START = 60.0  # seconds that an API may take to listen, and a process to end
DRAIN = 300.0  # seconds to work off what is left
LOOK = 2.0  # seconds between two looks for chunks that are there twice
KINDS = {  # of request that bring a victim to its point
    "deletion": "delete",
    "description": "describe",
    "move": "move",
    "job": "file",
    "bytes": "payload",
    "ended": "earlier",
    "purge: chunks": "file",
    "purge": "delete",
}
Say = Callable[[str], None]
FORKS = multiprocessing.get_context("forkserver")
LOOKING = threading.Lock()  # a start looks at all processes, and a status is told to one look alone


@dataclass(kw_only=True)
class Outcome:
    killed: Counter[tuple[str, str]] = field(default_factory=Counter)  # by role and point
    requests: Counter[str] = field(default_factory=Counter)
    documents: int = 0  # there in the end
    chunks: int = 0
    gone: int = 0  # editions that were looked for in vain in the end, in every file
    seconds: float = 0.0

    @property
    def served(self) -> int:
        """Kills of what serves; those of the purge come on top."""
        return sum(number for (role, _), number in self.killed.items() if role != "purge")


class Victim:
    """A process that was forked to be killed: at its point by itself, else from outside."""

    def __init__(
        self, role: str, url: str, folder: Path, *, point: str | None, times: int, patience: float
    ) -> None:
        self.role, self.point = role, point or ANY_TIME
        self.pipe, theirs = FORKS.Pipe(duplex=False)
        self._process = FORKS.Process(target=victim.main, args=(role, url, folder, point, times, theirs))
        self._log = folder / f"{role}.log"
        with LOOKING:
            self._process.start()
        theirs.close()
        self.born = time.monotonic()
        self.due = self.born + patience
        self.killed = False

    @property
    def status(self) -> int | None:
        with LOOKING:
            return self._process.exitcode

    @property
    def alive(self) -> bool:
        return self.status is None

    def kill(self) -> None:
        self.killed = True
        self._process.kill()
        self._wait()

    def end(self) -> None:
        """As an operator ends it, by SIGTERM."""
        self._process.terminate()
        self._wait()
        assert self.status in (0, -signal.SIGTERM), self.told()

    def _wait(self) -> None:
        deadline = time.monotonic() + START
        while self.alive:
            assert time.monotonic() < deadline, f"{self.role} does not end: {self.told()}"
            time.sleep(0.002)

    def was_killed(self) -> bool:
        """Or whether it had come to its end before. Raises AssertionError if that was another one."""
        status = self.status
        assert status in (0, -signal.SIGKILL), f"{self.role} ended with {status}: {self.told()}"
        assert status or self.role == "purge", f"{self.role} ended by itself: {self.told()}"
        return status == -signal.SIGKILL

    def close(self) -> None:
        self.pipe.close()
        self._process.close()

    def told(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]


class Lane:
    """``database`` is up to date; the victims' files are in ``folder``. ``enough`` ends it early: what was
    done until then is looked at as if it were all."""

    def __init__(
        self,
        name: str,
        database: Engine,
        folder: Path,
        *,
        kills: int,
        seed: int,
        say: Say,
        enough: threading.Event,
    ) -> None:
        self.name, self._database, self._folder, self._kills, self._say = name, database, folder, kills, say
        self._url = database.url.render_as_string(hide_password=False)
        self._draw = random.Random(seed)
        self._clients = [
            Client(list(range(at * SOURCES, (at + 1) * SOURCES)), self._draw.randrange(10**9))
            for at in range(CLIENTS)
        ]
        self._tried = Counter[tuple[str, str]]()
        self._victims: dict[str, Victim] = {}
        self._wanted: dict[str, str] = {}  # kinds of request, by role
        self._starting = 0.3  # seconds that an API takes to listen, on this machine at this time
        self._door = Door()
        self._outcome = Outcome()
        self._stop, self._enough = threading.Event(), enough

    def run(self) -> Outcome:
        """Raises AssertionError for whatever was lost, doubled or back."""
        begun = time.monotonic()
        (self._folder / "var").mkdir(parents=True, exist_ok=True)
        collections = Collections(self._database, FakeEmbedder.identity)
        for name in COLLECTIONS:
            if name != "default":  # which is always there
                collections.create(TENANT, name)
        try:
            with ThreadPoolExecutor(CLIENTS) as pool:
                clients = [pool.submit(client.run, self._stop) for client in self._clients]
                try:
                    self._torture(lambda: [one.result() for one in clients if one.done()])
                finally:
                    self._stop.set()
            for client in clients:
                client.result()
            self._end()
        finally:
            for one in self._victims.values():
                one.kill()
        self._outcome.requests = sum((client.counted for client in self._clients), Counter())
        self._outcome.seconds = time.monotonic() - begun
        return self._outcome

    def _torture(self, clients_live: Callable[[], object]) -> None:
        look_at, told = 0.0, 0
        while (total := self._outcome.served) < self._kills:
            for role in POINTS:
                self._tend(role)
            clients_live()
            if time.monotonic() > look_at:
                require_no_double(self._database)
                look_at = time.monotonic() + LOOK
            if total // 50 > told:
                told = total // 50
                self._say(f"{self.name}: {total} of {self._kills} killed")
            if self._enough.wait(0.01):
                return

    def _tend(self, role: str) -> None:
        one = self._victims.get(role)
        if one is None:
            if role != "purge" or self._purges() <= PURGES:
                self._victims[role] = self._next(role)
            return
        if one.alive and time.monotonic() > one.due:
            one.kill()
        if one.alive:
            if role == "api":
                self._listen(one)
            return
        if one.was_killed():
            where = ANY_TIME if one.killed else one.point
            self._outcome.killed[(role, where)] += 1
        one.close()
        del self._victims[role]

    def _purges(self) -> float:
        return 1 - self._outcome.served / max(1, self._outcome.killed.total())

    def _next(self, role: str) -> Victim:
        """Armed at a point that was tried as seldom as any."""
        points = [*POINTS[role], ANY_TIME]
        at = min(points, key=lambda one: (self._tried[(role, one)], self._draw.random()))
        self._tried[(role, at)] += 1
        self._wanted[role] = next((kind for word, kind in KINDS.items() if at.startswith(word)), "")
        for client in self._clients:
            client.wanted = {role: kind for role, kind in self._wanted.items() if kind}
        patience = min(max(SHORTEST, PATIENCE * self._starting), LONGEST)
        return Victim(
            role,
            self._url,
            self._folder,
            point=None if at == ANY_TIME else at,
            times=self._draw.randint(1, 2),
            patience=self._draw.uniform(0.0, patience / 2) if at == ANY_TIME else patience,
        )

    def _listen(self, api: Victim) -> None:
        """Open the door to the clients when the API has told its port."""
        try:
            if not api.pipe.poll():
                return
            url = f"http://127.0.0.1:{api.pipe.recv()}"
        except EOFError:  # it has just been killed
            return
        self._starting += (time.monotonic() - api.born - self._starting) / 4
        self._door = Door(number=self._door.number + 1, url=url)
        for client in self._clients:
            client.door = self._door

    # -- the end

    def _end(self) -> None:
        """An API and a worker that nobody kills, until nothing waits; then everything is looked at."""
        for one in self._victims.values():
            one.kill()
        self._victims.clear()
        for role in ("api", "worker"):
            self._victims[role] = Victim(role, self._url, self._folder, point=None, times=1, patience=DRAIN)
        api, worker = self._victims["api"], self._victims["worker"]
        queue, deadline = Queue(self._database), time.monotonic() + DRAIN
        while queue.unfinished(limit=1):
            assert worker.alive, f"the worker ended by itself: {worker.told()}"
            assert time.monotonic() < deadline, "it is not worked off"
            time.sleep(0.1)
        assert api.pipe.poll(START), f"the API did not start: {api.told()}"
        door = Door(number=-1, url=f"http://127.0.0.1:{api.pipe.recv()}")
        for client in self._clients:
            client.final(door)
        for one in (api, worker):
            one.end()
        self._victims.clear()
        settings = victim.settings_of(self._url, self._folder)
        ended = check_end(self._database, settings, [client.ledger for client in self._clients])
        self._outcome.documents, self._outcome.chunks, self._outcome.gone = ended
