"""Parsing in a process of its own: a file that hangs, eats memory or crashes its parser fails alone.

The child speaks JSON lines over its pipes, is reused from file to file, and is killed when one takes
too long.
"""

import json
import os
import resource
import selectors
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from indexes.errors import UnreadableDocument
from ingest.extract import Extracted, Limits, extract

MEMORY = 2 << 30  # bytes of address space the child may use


class ExtractionCage:
    def __init__(self, *, limits: Limits, timeout: float) -> None:
        self._limits = limits
        self._timeout = timeout
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()  # the child reads one file at a time

    def extract(self, path: Path, *, name: str, hint: str | None, url: str | None) -> Extracted:
        """Raises UnreadableDocument with the parser's reason, or ``parse_timeout``, ``parser_died``."""
        request = {"path": str(path), "name": name, "hint": hint, "url": url, "limits": asdict(self._limits)}
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
            child = self._child = subprocess.Popen(
                [sys.executable, "-m", "ingest.cage"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018  asked for above
        try:
            child.stdin.write(line)
            child.stdin.flush()
            answer = self._read_line(child.stdout.fileno())
        except BrokenPipeError:
            answer = b""
        if answer is None:
            self.close()
            raise UnreadableDocument(f"reading it took longer than {self._timeout:g} s", code="parse_timeout")
        if not answer:
            self.close()
            raise UnreadableDocument(
                "its parser ran out of memory or crashed: the file is damaged or hostile", code="parser_died"
            )
        return dict(json.loads(answer))

    def _read_line(self, descriptor: int) -> bytes | None:
        """One line; empty when the child ended, None when it took too long."""
        parts: list[bytes] = []
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while selector.select(self._timeout):
                part = os.read(descriptor, 1 << 20)
                if not part:
                    return b""
                parts.append(part)
                if part.endswith(b"\n"):
                    return b"".join(parts)
        return None


def serve() -> None:
    """The child: one request a line on standard input, one answer a line on what was standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a parser prints goes to the log
    for line in sys.stdin.buffer:
        # As it is, not as escapes: those are three times as long in Persian.
        answer = json.dumps(_answer(json.loads(line)), ensure_ascii=False)
        answers.write(answer.encode("utf-8", "surrogatepass") + b"\n")
        answers.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        extracted = extract(
            Path(request["path"]),
            name=request["name"],
            hint=request["hint"],
            url=request["url"],
            limits=Limits(**request["limits"]),
        )
    except UnreadableDocument as error:
        return {"error": error.message, "code": error.code}
    except MemoryError:
        return {"error": "reading it takes more memory than is allowed", "code": "parse_memory"}
    except Exception as error:  # noqa: BLE001  parsers raise all kinds on damaged files
        reason = str(error) or type(error).__name__
        return {"error": f"it cannot be read ({reason[:200]})", "code": "unreadable_document"}
    return asdict(extracted)


if __name__ == "__main__":
    serve()
