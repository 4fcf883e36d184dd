"""The processes that are killed: the real API behind uvicorn, worker and purge, over the fake embedder.

They are forked from a process that has imported everything, so that a start takes a tenth of a second.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvicorn

from app import compose, compose_worker, maintenance, models
from app.api.application import create_application
from app.engine.orphans import die_with_parent
from app.settings import Settings
from indexes import purge as purging
from indexes.embedder import FakeEmbedder
from indexes.live import LiveIndexes
from ingest import cage, parser, pipeline
from tests.support.api import ScriptedGenerator, fake_service
from tests.support.words import word_tokenizer
from tests.torture.points import POINTS, Fuse

CHUNK_TOKENS = 16  # so that a text has several chunks
SNAPSHOT_INTERVAL = 0.3  # seconds; and after any change, for otherwise no victim would live long enough
PURGE_INTERVAL = 1.0
KEEP = 20.0  # seconds that bytes without a row, and ended jobs, stay; uploads here take far less
PURGED_AT_ONCE = 3  # rows in one transaction of the purge


def settings_of(url: str, folder: Path) -> Settings:
    values: dict[str, Any] = {
        "data_dir": folder / "var",
        "database_url": url,
        "jobs_database_url": url if url.startswith("postgresql") else None,
        "chunk_tokens": CHUNK_TOKENS,
        "purge_hours": 0,
        "worker_concurrency": 1,
        "reader": "none",
        "_env_file": None,
    }
    return Settings(**values)


def main(role: str, url: str, folder: Path, point: str | None, times: int, pipe: Connection) -> None:
    """Do the role's work until somebody kills it, or ``point`` is reached for the ``times``-th time."""
    die_with_parent(signal.SIGKILL)
    os.setsid()  # Ctrl-C is not for it
    with (folder / f"{role}.log").open("ab") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    _hurry()
    if point is not None:
        POINTS[role][point](Fuse(times))
    ROLES[role](settings_of(url, folder), pipe)


def _hurry() -> None:
    """What happens once a minute, once in six hours or in batches of thousands happens all the time."""
    compose.SNAPSHOT_INTERVAL = SNAPSHOT_INTERVAL
    compose.PURGE_INTERVAL = PURGE_INTERVAL
    LiveIndexes.save.__kwdefaults__.update(at_least=1)  # type: ignore[union-attr]
    purging.Purge.run.__kwdefaults__.update(keep_blob=KEEP, keep_history=KEEP)  # type: ignore[union-attr]
    purging.BATCH = PURGED_AT_ONCE


class _Server(uvicorn.Server):
    """Tells its port when it listens."""

    def __init__(self, config: uvicorn.Config, pipe: Connection) -> None:
        super().__init__(config)
        self._pipe = pipe

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self._pipe.send(self.servers[0].sockets[0].getsockname()[1])


def _api(settings: Settings, pipe: Connection) -> None:
    application = create_application(settings, lambda: fake_service(settings, ScriptedGenerator()))
    config = uvicorn.Config(application, host="127.0.0.1", port=0, log_level="warning", ws="none")
    _Server(config, pipe).run()


class _ForkedParser:
    """Stands for the `Popen` of a parser's process: forked like its worker, before that has threads."""

    def __init__(self) -> None:
        asked, told = os.pipe(), os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.dup2(asked[0], 0)
            os.dup2(told[1], 1)
            os.closerange(3, max(*asked, *told) + 1)
            sys.stdin = os.fdopen(0)
            parser.serve(cage.MEMORY)
            os._exit(0)
        os.close(asked[0])
        os.close(told[1])
        self.stdin, self.stdout = os.fdopen(asked[1], "wb"), os.fdopen(told[0], "rb")

    def poll(self) -> int | None:
        done, status = os.waitpid(self.pid, os.WNOHANG)
        return status if done else None

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def communicate(self) -> None:
        self.stdin.close()
        os.waitpid(self.pid, 0)


def _worker(settings: Settings, _pipe: Connection) -> None:
    child = _ForkedParser()
    cage.subprocess = SimpleNamespace(Popen=lambda *_args, **_more: child, PIPE=None)  # type: ignore[attr-defined]
    models.build_embedder = lambda _settings, **_more: FakeEmbedder()
    tokenizer = word_tokenizer(settings.data_dir)
    models.tokenizer_file = lambda _settings: tokenizer
    compose_worker.LanguageDetector = lambda: SimpleNamespace(detect=lambda _text: "en")  # type: ignore[assignment,misc]
    # That a document is given up after three workers is right, and not what is tried here.
    pipeline.MAX_ATTEMPTS = 10**9
    compose_worker.step_back = lambda: None
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    compose_worker.run_worker(settings, stop)


def _purge(settings: Settings, _pipe: Connection) -> None:
    maintenance.purge(settings)


ROLES: dict[str, Callable[[Settings, Connection], None]] = {"api": _api, "worker": _worker, "purge": _purge}
