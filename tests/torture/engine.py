"""The real service while its vLLM engine is killed again and again, under questions."""

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from tests.support.service import RunningService, prepare_models, zipped

SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
ADAPTER = "radio-voice"
QUESTIONS = (
    "Who is the leader of the rescue team?",
    "When was Alborz Station founded?",
    "How many hectares does the sanctuary cover?",
)
FOUND = "Mina Sattari"  # by a search for the first
CLIENTS = 2
VICTIMS = ("server", "core", "both")
IN_SERVICE = 6.0  # seconds after which it is killed, at most
WHILE_LOADING = 0.25  # share of the kills that come while the engine loads
RECOVERY, STARTS = (
    60.0,
    3.0,
)  # seconds until it must answer again, or so many times its first start, if longer
START = 900.0  # seconds for the first start, on however busy a machine
ANSWER = 600.0  # seconds for one answer, likewise
GONE = 30.0  # seconds until nothing may be left of what was killed or stopped
Say = Callable[[str], None]


@dataclass(kw_only=True)
class Recovered:
    killed: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)  # from each kill to the first answer
    answered: int = 0
    refused: int = 0
    limit: float = 0.0  # seconds
    minutes: float = 0.0


def torture_engine(folder: Path, *, kills: int, seed: int, say: Say) -> Recovered:
    """Raises AssertionError if it does not come back, answers otherwise than before, or leaves a process."""
    prepare_models()
    begun = time.monotonic()
    service = RunningService(folder)
    try:
        service.start(START)
        found = _Torture(service, started_in=time.monotonic() - begun, seed=seed).run(kills, say)
        family = psutil.Process(service.pid).children(recursive=True)
        assert service.stop() == 0, service.log[-4000:]
        _require_gone(family)
    finally:
        service.close()
    found.minutes = (time.monotonic() - begun) / 60
    return found


class _Torture:
    def __init__(self, service: RunningService, *, started_in: float, seed: int) -> None:
        self._service = service
        service.http.timeout = ANSWER
        self._draw = random.Random(seed)
        self._found = Recovered(limit=max(RECOVERY, STARTS * started_in))
        self._stop = threading.Event()
        with (SAMPLES / "handbook-en.pdf").open("rb") as file:
            job = service.ingest(files=[("file", ("handbook-en.pdf", file.read()))])
        assert job["status"] == "succeeded", job
        made = service.http.post(
            "/adapters",
            data={"name": ADAPTER},
            files={"file": (f"{ADAPTER}.zip", zipped(SAMPLES / ADAPTER))},
        )
        assert made.json()["status"] == "ready", made.text
        pairs = itertools.product(QUESTIONS, ("base", ADAPTER))
        self._before = {pair: service.ask(**_body(*pair))["answer"] for pair in pairs}
        base, adapted = ([self._before[(one, name)] for one in QUESTIONS] for name in ("base", ADAPTER))
        assert base != adapted, "the adapter says what the base says: it would not be missed"

    def run(self, kills: int, say: Say) -> Recovered:
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self._ask_on, self._draw.randrange(10**9)) for _ in range(CLIENTS)]
            try:
                while self._found.killed.total() < kills:
                    time.sleep(self._draw.uniform(0.2, IN_SERVICE))
                    self._kill("in service", again=kills - self._found.killed.total() > 1)
                    [client.result() for client in clients if client.done()]
                    say(f"engine: {self._found.killed.total()} of {kills} killed")
            finally:
                self._stop.set()
        for client in clients:
            client.result()
        return self._found

    def _kill(self, when: str, *, again: bool) -> None:
        """Kill, perhaps once more what comes then, and see that it is back."""
        group = self._service.engine()
        victim = self._draw.choice(VICTIMS) if len(group) > 1 else "server"
        for process in {"server": group[:1], "core": group[-1:], "both": group}[victim]:
            process.kill()
        killed_at = time.monotonic()
        self._found.killed[f"{victim}, {when}"] += 1
        _require_gone(group)
        if again and self._draw.random() < WHILE_LOADING:
            self._wait_for_next({one.pid for one in group}, killed_at)
            time.sleep(self._draw.uniform(0.0, 10.0))
            if self._answers():
                return self._back(killed_at)
            return self._kill("while it loads", again=False)
        return self._back(killed_at)

    def _wait_for_next(self, old: set[int], since: float) -> None:
        while not any(one.pid not in old for one in self._service.engine()):
            assert time.monotonic() - since < self._found.limit, "no engine was started"
            time.sleep(0.05)

    def _back(self, killed_at: float) -> None:
        """The API lives meanwhile; then everything is as before."""
        http = self._service.http
        while not self._answers():
            assert time.monotonic() - killed_at < self._found.limit, "the engine did not come back in time"
            assert http.get("/health/live").status_code == 200
            found = http.post("/search", json={"question": QUESTIONS[0]})
            assert found.status_code == 200, found.text
            assert FOUND in found.text
            time.sleep(0.5)
        self._found.seconds.append(time.monotonic() - killed_at)
        assert http.get(f"/adapters/{ADAPTER}").json()["status"] == "ready"
        for pair, answer in self._before.items():
            assert self._service.ask(**_body(*pair))["answer"] == answer, pair
        self._found.answered += len(self._before)

    def _answers(self) -> bool:
        return self._asked(self._service.http, QUESTIONS[0], ADAPTER)

    def _ask_on(self, seed: int) -> None:
        draw, pairs = random.Random(seed), list(self._before)
        with httpx.Client(base_url=self._service.url, timeout=ANSWER, trust_env=False) as http:
            while not self._stop.is_set():
                if not self._asked(http, *draw.choice(pairs)):
                    self._stop.wait(0.3)

    def _asked(self, http: httpx.Client, question: str, adapter: str) -> bool:
        """Whether it was answered, as before; else it was refused as it must be."""
        reply = http.post("/ask", json=_body(question, adapter))
        if reply.status_code == 200:
            assert reply.json()["answer"] == self._before[(question, adapter)], reply.text
            self._found.answered += 1
            return True
        assert reply.status_code == 503, reply.text
        assert int(reply.headers["retry-after"]) >= 1
        assert reply.json()["error"]["code"] == "engine_unavailable", reply.text
        self._found.refused += 1
        return False


def _body(question: str, adapter: str) -> dict[str, object]:
    return {"question": question, "adapter": adapter, "max_tokens": 32}


def _require_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=GONE)
    left = [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
    assert left == [], f"left over: {left}"
