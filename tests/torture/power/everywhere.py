"""All prefixes of a run, in as many processes as there are cores."""

import logging
import multiprocessing
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import structlog

from tests.torture.power.cuts import Outcome, cut_everywhere
from tests.torture.power.operations import Operation
from tests.torture.power.parts import build_tools
from tests.torture.power.recovery import Recovery

MEMORY = Path("/dev/shm")  # where images are laid out; nothing in them needs to last
PIECES = 8  # of a run, for each process


def scratch() -> Path | None:
    return MEMORY if os.access(MEMORY, os.W_OK) else None


def quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def cut_in_pieces(operations: Sequence[Operation], *, drawn: int, seed: int, processes: int) -> Outcome:
    count = processes * PIECES
    pieces = [
        range(len(operations) * at // count, len(operations) * (at + 1) // count) for at in range(count)
    ]
    whole = Outcome(operations=len(operations))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=quiet) as pool:
        for part in pool.map(
            _piece, *zip(*((operations, piece, drawn, seed) for piece in pieces), strict=True)
        ):
            whole += part
    return whole


def _piece(operations: Sequence[Operation], prefixes: range, drawn: int, seed: int) -> Outcome:
    with tempfile.TemporaryDirectory(dir=scratch(), prefix="simurgh-power-") as images:
        tools = build_tools(Path(images))
        recovery = Recovery(tools, Path(images))
        try:
            outcome = cut_everywhere(operations, recovery.of, prefixes=prefixes, drawn=drawn, seed=seed)
            outcome.unlike = recovery.unlike
            return outcome
        finally:
            tools.cage.close()
