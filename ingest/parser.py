"""The child in the cage: one document after the other, within limits that the kernel holds for it.

One request a line on standard input, one answer a line on what was standard output.
"""

import json
import math
import os
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from indexes.errors import UnreadableDocument
from ingest.extract import extract
from ingest.ocr import Ocr, installed
from ingest.records import Limits

LIBRARIES = 64 << 20  # bytes: pages of program files, which may be resident beside the data that is limited
ADDRESSES = 8  # times the memory: what is only reserved costs nothing
# Seconds of computing that a document may take: honest ones need a small part of it, whatever the machine.
LEAST = 7.0
BYTES = 32 << 10  # of the document that give it a second more
PIXELS = 1_000_000  # of a picture to be read that give it a second more, whatever its bytes


class Allowance:
    """The seconds of computing that are left to a document, as the process's own soft limit."""

    def __init__(self, size: int, most: float) -> None:
        self._used = resource.getrusage(resource.RUSAGE_SELF)
        self._seconds, self._most = LEAST + size / BYTES, most
        self._set()

    def extend(self, seconds: float) -> None:
        self._seconds += seconds
        self._set()

    def _set(self) -> None:
        before = self._used.ru_utime + self._used.ru_stime
        limit = math.ceil(before + min(self._seconds, self._most))
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


class PatientOcr:
    """Takes the time for each picture that it is given."""

    def __init__(self, ocr: Ocr, allowance: Allowance) -> None:
        self._ocr = ocr
        self._allowance = allowance

    def text(self, picture: Any) -> str:
        self._allowance.extend(1 + picture.width * picture.height / PIXELS)
        return self._ocr.text(picture)


def serve(memory: int) -> None:
    """``memory``: bytes that may be resident."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory - LIBRARIES, memory - LIBRARIES))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES * memory, ADDRESSES * memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a parser prints goes to the log
    for line in sys.stdin.buffer:
        answer = _answer(json.loads(line))
        # As it is, not in escapes, which would take six times the room.
        answers.write(json.dumps(answer, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
        answers.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    path = Path(request["path"])
    try:
        allowance = Allowance(path.stat().st_size, request["seconds"])
        extracted = extract(
            path,
            name=request["name"],
            hint=request["hint"],
            url=request["url"],
            limits=Limits(**request["limits"]),
            ocr=lambda: PatientOcr(found, allowance) if (found := installed()) else None,
        )
    except UnreadableDocument as error:
        return {"error": error.message, "code": error.code}
    except MemoryError:
        return {
            "error": "reading it takes more memory than is allowed (SIMURGH_PARSE_MEMORY_MIB)",
            "code": "parse_memory",
        }
    except RecursionError:
        return {"error": "it is nested too deeply to be read", "code": "nested_too_deeply"}
    except Exception as error:  # noqa: BLE001  parsers raise all kinds on damaged files
        reason = str(error) or type(error).__name__
        return {"error": f"it cannot be read ({reason[:200]})", "code": "unreadable_document"}
    return asdict(extracted)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
