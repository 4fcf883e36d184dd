"""`make fuzz`: every target for a while, guided by what of our code each input reaches."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from tests.fuzz.fuzzing import BEGINNINGS, fuzz


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--targets", nargs="*", default=list(BEGINNINGS), choices=list(BEGINNINGS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="targets at once")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="inputs found so far")
    asked = parser.parse_args()
    console, failed = Console(), False
    for one in fuzz(
        asked.folder.absolute(),
        seconds=asked.seconds,
        targets=asked.targets,
        seed=asked.seed,
        workers=asked.workers,
    ):
        console.print(f"{one.target:10} {one.runs:9,} runs, {one.reached:6,} branches of ours reached")
        if one.failure:
            failed = True
            console.print(one.failure, markup=False)
    sys.exit(failed)


if __name__ == "__main__":
    main()
