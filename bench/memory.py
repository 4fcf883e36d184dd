"""Peak memory of ingesting a long PDF and a short one, in the worker and in its parser."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.files import pdf
from bench.service import serving
from bench.texts import small

PATIENCE = 3600.0  # seconds
PARAGRAPHS_A_PAGE = 3


@dataclass(frozen=True, kw_only=True)
class Peak:
    """MiB of resident memory."""

    pages: int
    idle: float  # worker: its models are loaded, nothing has been read yet
    worker: float
    parser_idle: float  # parser: it has read one page
    parser: float
    seconds: float


def measure(pages: int) -> Peak:
    """In processes of their own, so that nothing is left of another document."""
    texts = small(pages * PARAGRAPHS_A_PAGE + 1, ["en"])
    body = [texts[1 + at * PARAGRAPHS_A_PAGE :][:PARAGRAPHS_A_PAGE] for at in range(pages)]
    with tempfile.TemporaryDirectory(prefix="simurgh-bench-") as folder, serving(Path(folder)) as service:
        worker = service.process("worker")
        idle = peak(worker)
        service.wait(service.ingest([("first.pdf", pdf([texts[:1]]))]), PATIENCE)
        [parser] = worker.children()
        for process in (worker, parser):
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # the peak begins anew
        parser_idle = peak(parser)
        begun = time.monotonic()
        service.wait(service.ingest([("long.pdf", pdf(body))]), PATIENCE)
        return Peak(
            pages=pages,
            idle=idle,
            worker=peak(worker),
            parser_idle=parser_idle,
            parser=peak(parser),
            seconds=time.monotonic() - begun,
        )


def peak(process: psutil.Process) -> float:
    """MiB of resident memory that it has held at most (VmHWM). Raises ProcessLookupError."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 2**10
    raise ProcessLookupError(process.pid)
