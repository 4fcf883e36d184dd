"""The places at which a victim kills itself with -9: what they are called, and how each is armed.

A victim is a process that lives for this alone, so it is armed by wrapping the product's own functions.
"""

import os
import signal
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Engine, event

from app.api.middleware import RequestEdge
from indexes import blobs, live, snapshots
from indexes.blobs import Blobs
from indexes.documents import Documents
from indexes.moving import Moving
from indexes.purge import Purge
from indexes.queue import Queue
from indexes.snapshots import Snapshots
from ingest import worker
from ingest.cage import ExtractionCage
from ingest.pipeline import Pipeline

CHANGING = ("POST /ingest", "DELETE /documents", "PATCH /documents")  # whose replies promise something


class Fuse:
    """Burns down by one each time the point is reached; at its end the process is gone."""

    def __init__(self, times: int) -> None:
        self._left = times
        self._lock = threading.Lock()

    def burn(self, last: Callable[[], None] = lambda: None) -> None:
        """``last`` is done right before the end."""
        with self._lock:
            self._left -= 1
            if self._left > 0:
                return
            last()
            os.kill(os.getpid(), signal.SIGKILL)


Arm = Callable[[Fuse], None]


def after(owner: Any, name: str, *, when: Callable[[Any], bool] = lambda _result: True) -> Arm:
    """``when`` looks at what was returned."""

    def arm(fuse: Fuse) -> None:
        owner_s = getattr(owner, name)

        def run(*args: Any, **more: Any) -> Any:
            result = owner_s(*args, **more)
            if when(result):
                fuse.burn()
            return result

        setattr(owner, name, run)

    return arm


def before(owner: Any, name: str) -> Arm:
    def arm(fuse: Fuse) -> None:
        owner_s = getattr(owner, name)

        def run(*args: Any, **more: Any) -> Any:
            fuse.burn()
            return owner_s(*args, **more)

        setattr(owner, name, run)

    return arm


def committing(owner: Any, name: str) -> Arm:
    """After all statements of a transaction of that function's, before its end."""

    def arm(fuse: Fuse) -> None:
        owner_s, inside = getattr(owner, name), threading.local()

        def run(*args: Any, **more: Any) -> Any:
            inside.now = True
            try:
                return owner_s(*args, **more)
            finally:
                inside.now = False

        def commit(connection: Connection) -> None:
            if getattr(inside, "now", False) and _ours(connection):
                fuse.burn()

        setattr(owner, name, run)
        event.listen(Engine, "commit", commit)

    return arm


def others_committing(fuse: Fuse) -> None:
    """Likewise, of the transactions that DBOS makes."""

    def commit(connection: Connection) -> None:
        if not _ours(connection):
            fuse.burn()

    event.listen(Engine, "commit", commit)


def half_written(module: ModuleType) -> Arm:
    """The first half of a file's bytes is on the disk and the rest never comes."""

    def arm(fuse: Fuse) -> None:
        def fsync(handle: int) -> None:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                fuse.burn(lambda: os.ftruncate(handle, os.fstat(handle).st_size // 2))
            os.fsync(handle)

        module.os = SimpleNamespace(**{**vars(os), "fsync": fsync})  # type: ignore[attr-defined]

    return arm


def building(fuse: Fuse) -> None:
    """While an index is made anew from the database."""
    build = live.build_hybrid

    def burning(changes: Iterable[Any]) -> Iterator[Any]:
        for change in changes:
            fuse.burn()
            yield change

    live.build_hybrid = lambda dim, changes, progress: build(dim, burning(changes), progress)


def at_the_door(where: str) -> Arm:
    """Around the requests that change something."""

    def arm(fuse: Fuse) -> None:
        owner_s = RequestEdge.__call__

        async def call(self: RequestEdge, scope: Any, receive: Any, send: Any) -> None:
            what = f"{scope.get('method')} {scope.get('path', '')}"

            async def receiving() -> Any:
                message = await receive()
                if where == "received":
                    fuse.burn()
                return message

            async def sending(message: Any) -> None:
                first = message["type"] == "http.response.start"
                if first and where == "before":
                    fuse.burn()
                await send(message)
                if first and where == "half":
                    fuse.burn()

            if what.startswith(CHANGING):
                await owner_s(self, scope, receiving, sending)
            else:
                await owner_s(self, scope, receive, send)

        RequestEdge.__call__ = call  # type: ignore[method-assign]

    return arm


def _ours(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("simurgh_write"))


PURGE: dict[str, Arm] = {
    "purge: announcement being committed": committing(Purge, "_announce"),
    "purge: announced": after(Purge, "_announce"),
    "purge: snapshots' rows being removed": committing(Snapshots, "drop_stale"),
    "purge: snapshots removed": after(Snapshots, "drop_stale"),
    "purge: documents being forgotten": committing(Purge, "_forget_documents"),
    "purge: documents forgotten": after(Purge, "_forget_documents", when=bool),
    "purge: chunks being removed": committing(Purge, "_remove_chunks"),
    "purge: chunks removed": after(Purge, "_remove_chunks", when=bool),
    "purge: history being forgotten": committing(Purge, "_forget_history"),
    "purge: bytes being removed": after(Blobs, "_remove_idle", when=bool),
}
API: dict[str, Arm] = {
    "request being received": at_the_door("received"),
    "before the reply": at_the_door("before"),
    "reply half sent": at_the_door("half"),
    "bytes half written": half_written(blobs),
    "bytes stored": after(Blobs, "put"),
    "job being committed": committing(Queue, "accept"),
    "job committed": after(Queue, "accept"),
    "deletion being committed": committing(Documents, "delete"),
    "deletion committed": after(Documents, "delete"),
    "description being committed": committing(Moving, "describe"),
    "description committed": after(Moving, "describe"),
    "move being committed": committing(Moving, "move"),
    "move committed": after(Moving, "move"),
    "snapshot half written": half_written(snapshots),
    "snapshot written": after(snapshots, "sha256_of"),
    "snapshot renamed": after(snapshots, "sync"),
    "snapshot's row being committed": committing(Snapshots, "save"),
    "snapshot's row committed": before(Snapshots, "forget_old"),
    "snapshot read": after(Snapshots, "load", when=lambda loaded: loaded is not None),
    "index being built": building,
    **PURGE,
}
WORKER: dict[str, Arm] = {
    "being handed over": after(worker, "_forget_ended"),
    "queue's own rows being committed": others_committing,
    "taken": after(Queue, "take"),
    "being read": before(ExtractionCage, "_read_line"),
    "read": after(ExtractionCage, "extract"),
    "embedded": after(Pipeline, "_embed"),
    "chunks being committed": committing(Queue, "commit"),
    "chunks committed": after(Queue, "commit"),
    "ended without a commit": after(Queue, "end"),
}
POINTS: dict[str, dict[str, Arm]] = {"api": API, "worker": WORKER, "purge": PURGE}
