"""`make hostile`: every hostile file through the cage; writes docs/results/hostile_files.md."""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.hostile.corpus import corpus
from tests.hostile.report import render
from tests.hostile.running import MOST_BYTES, MOST_SECONDS, run_all, runners

PAGE = Path(__file__).parents[2] / "docs" / "results" / "hostile_files.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--mutations", type=int, default=40, help="of each kind")
    parser.add_argument("--write", action="store_true", help="write the page")
    parser.add_argument("--cages", type=int, default=2)
    asked = parser.parse_args()
    console = Console()
    with (
        tempfile.TemporaryDirectory(prefix="simurgh-hostile-") as name,
        runners(asked.cages, Path(name)) as ready,
    ):
        outcomes = list(run_all(corpus(asked.mutations), ready))
    page = render(outcomes, command=f"python -m tests.hostile --mutations {asked.mutations}")
    console.print(page, markup=False, soft_wrap=True)
    if asked.write:
        PAGE.write_text(page)
    late = [one.file.name for one in outcomes if one.seconds > MOST_SECONDS or one.peak > MOST_BYTES]
    if late:
        console.print("over the bounds:", *late)
        sys.exit(1)


if __name__ == "__main__":
    main()
