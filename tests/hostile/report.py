"""What became of the hostile files, a row a kind, as a page of docs/results."""

import os
import platform
import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.hostile.running import Outcome

PARSERS = (
    "pypdfium2", "pypdf", "lxml", "trafilatura", "python-docx", "python-pptx", "python-calamine", "olefile",
    "striprtf", "pillow", "tesserocr",
)  # fmt: skip


def render(outcomes: Sequence[Outcome], *, command: str) -> str:
    kinds: dict[str, list[Outcome]] = {}
    for one in outcomes:
        kinds.setdefault(one.file.kind, []).append(one)
    refused = Counter(one.code for one in outcomes if one.code)
    rows = [_row(kind, some) for kind, some in sorted(kinds.items())]
    slowest = sorted(outcomes, key=lambda one: -one.seconds)[:8]
    largest = sorted(outcomes, key=lambda one: -one.peak)[:8]
    return "\n".join([
        "# Hostile and mutated files",
        "",
        f"`{command}` on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores of {_processor()}, Python "
        f"{platform.python_version()}; {', '.join(f'{name} {version(name)}' for name in PARSERS)}.",
        "",
        f"{len(outcomes)} files, made by `tests/hostile`, each read in the cage as the worker reads it. "
        "None took its parent down, and a good document was read after each that its parser died of. "
        "Seconds are those of the clock in the cage less those in which the child waited for a core (the "
        "machine is a shared one); memory is the high-water mark of its resident pages.",
        "",
        "| kind | files | became text | refused | parser killed | median s | longest s | largest MiB |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
        _row("all", outcomes),
        "",
        "Refused, by code: " + ", ".join(f"`{code}` {count}" for code, count in refused.most_common()) + ".",
        "",
        "| longest | s | outcome |", "|---|---|---|",
        *(f"| {one.file.name} | {one.seconds:.1f} | {one.code or 'text'} |" for one in slowest),
        "",
        "| largest | MiB | outcome |", "|---|---|---|",
        *(f"| {one.file.name} | {one.peak >> 20} | {one.code or 'text'} |" for one in largest),
        "",
    ])  # fmt: skip


def _row(kind: str, some: Sequence[Outcome]) -> str:
    killed = sum(one.code in ("parser_died", "parse_timeout") for one in some)
    texts = sum(one.code is None for one in some)
    return (
        f"| {kind} | {len(some)} | {texts} | {len(some) - texts - killed} | {killed} | "
        f"{statistics.median(one.seconds for one in some):.2f} | {max(one.seconds for one in some):.1f} | "
        f"{max(one.peak for one in some) >> 20} |"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )
