"""Lines that stand in the record between a process's operations: what it is about to do, and what is done."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Marks:
    def __init__(self, file: Path) -> None:
        self._handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    @contextmanager
    def promised(self, what: str, **about: Any) -> Iterator[dict[str, Any]]:
        """What is done within it is promised at its end, with whatever is added to what it gives."""
        self._write("begun", what, about)
        yield about
        self._write("done", what, about)

    def _write(self, state: str, what: str, about: dict[str, Any]) -> None:
        os.write(self._handle, f"{state} {json.dumps({'what': what, **about})}\n".encode())
