"""`make power-loss`: the power is cut after every file operation of recorded runs."""

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from tests.torture.power.cuts import Outcome
from tests.torture.power.everywhere import cut_in_pieces, quiet, scratch
from tests.torture.power.handover import hand_over
from tests.torture.power.parts import build_tools
from tests.torture.power.recorded import run
from tests.torture.power.recovery import Recovery
from tests.torture.power.trace import why_not


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture.power", description=__doc__)
    parser.add_argument("--stories", type=int, default=2, help="recorded runs")
    parser.add_argument("--actions", type=int, default=40, help="in each")
    parser.add_argument("--drawn", type=int, default=4, help="images a prefix beside nothing and everything")
    parser.add_argument(
        "--handovers", type=int, default=10, help="prefixes after which a real worker is started"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    console = Console()
    if (reason := why_not()) is not None:
        sys.exit(reason)
    quiet()
    faults = 0
    with tempfile.TemporaryDirectory(prefix="simurgh-power-") as name:
        folder = Path(name)
        for number in range(asked.stories):
            begun, seed = time.monotonic(), asked.seed + number
            operations = run("story", folder / f"story-{number}", seed=seed, actions=asked.actions)
            outcome = cut_in_pieces(operations, drawn=asked.drawn, seed=seed, processes=asked.processes)
            faults += _say(console, f"story {number}", outcome, time.monotonic() - begun)
        begun = time.monotonic()
        operations = run("working", folder / "working", seed=asked.seed, actions=6)
        prefixes = random.Random(asked.seed).sample(
            range(len(operations)), min(asked.handovers, len(operations))
        )
        with tempfile.TemporaryDirectory(dir=scratch(), prefix="simurgh-power-") as images:
            tools = build_tools(folder)
            outcome = hand_over(
                operations, Recovery(tools, Path(images)), Path(images), prefixes=prefixes, seed=asked.seed
            )
            tools.cage.close()
        faults += _say(console, "worker", outcome, time.monotonic() - begun)
    sys.exit(1 if faults else 0)


def _say(console: Console, what: str, outcome: Outcome, seconds: float) -> int:
    console.print(
        f"{what}: {outcome.operations} operations, {outcome.prefixes} prefixes, {outcome.images} images "
        f"({outcome.unlike} unlike each other), {len(outcome.faults)} faults, {seconds:.0f} s"
    )
    for fault, count in outcome.faults.most_common():
        console.print(f"  {count:5}  {fault}, first {outcome.first[fault]}")
    return len(outcome.faults)


if __name__ == "__main__":
    main()
