"""Parsing in a process of its own: a file that hangs, eats memory or crashes its parser fails alone.

The child (`ingest/parser.py`) speaks JSON lines over its pipes and is reused from file to file. It is killed
when one takes too long, and replaced when one has left it large: the next has the whole allowance.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from indexes.errors import UnreadableDocument
from ingest.records import Extracted, Limits

MEMORY = 512 << 20  # bytes
KEPT = 0.5  # share of the allowed memory up to which a child is used again


class ExtractionCage:
    """``timeout``: seconds, of the clock and of computing; ``memory``: bytes that may be resident."""

    def __init__(self, *, limits: Limits, timeout: float, memory: int = MEMORY) -> None:
        self._limits = limits
        self._timeout = timeout
        self._memory = memory
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()  # the child reads one file at a time

    def extract(self, path: Path, *, name: str, hint: str | None, url: str | None) -> Extracted:
        """Raises UnreadableDocument with the parser's reason, or ``parse_timeout``, ``parse_memory``,
        ``parser_died``."""
        request = {
            "path": str(path),
            "name": name,
            "hint": hint,
            "url": url,
            "limits": asdict(self._limits),
            "seconds": self._timeout,
        }
        with self._lock:
            answer = self._ask(json.dumps(request).encode() + b"\n")
        if "error" in answer:
            raise UnreadableDocument(answer["error"], code=answer["code"])
        return Extracted(**answer)

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _ask(self, line: bytes) -> dict[str, Any]:
        if self._child is not None and self._child.poll() is not None:
            self.close()  # it was killed while it waited
        child = self._child
        if child is None:
            child = self._child = subprocess.Popen(  # noqa: S603  this very Python
                [sys.executable, "-m", "ingest.parser", str(self._memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **ONE_THREAD},
            )
        assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018  asked for above
        try:
            child.stdin.write(line)
            child.stdin.flush()
            answer = self._read_line(child.stdout.fileno())
        except BrokenPipeError:
            answer = b""
        if not answer:
            ended = child.wait() if answer == b"" else None
            self.close()
            raise self._refusal(ended)
        if _resident(child.pid) > KEPT * self._memory:
            self.close()
        return dict(json.loads(answer))

    def _read_line(self, descriptor: int) -> bytes | None:
        """One line; empty when the child ended, None when it took too long."""
        parts: list[bytes] = []
        deadline = time.monotonic() + self._timeout
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while selector.select(max(0.0, deadline - time.monotonic())):
                part = os.read(descriptor, 1 << 20)
                if not part:
                    return b""
                parts.append(part)
                if part.endswith(b"\n"):
                    return b"".join(parts)
        return None

    def _refusal(self, ended: int | None) -> UnreadableDocument:
        """``ended``: the child's exit status, None where it was still at work."""
        if ended is None:
            return UnreadableDocument(
                f"reading it took longer than {self._timeout:g} s (SIMURGH_PARSE_TIMEOUT)",
                code="parse_timeout",
            )
        if ended == -signal.SIGXCPU:
            return UnreadableDocument(
                "reading it took more computing than a file of its size may need: it is damaged or hostile",
                code="parse_timeout",
            )
        return UnreadableDocument(
            f"its parser crashed or needed more than {self._memory >> 20:,} MiB of memory "
            "(SIMURGH_PARSE_MEMORY_MIB): the file is damaged or hostile",
            code="parser_died",
        )


# Threads of numerical libraries reserve memory for every core of the machine, and have nothing to do.
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OMP_THREAD_LIMIT": "1",
    "MALLOC_ARENA_MAX": "1",
}


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:  # it has just been killed: the next call will see
        return 0
