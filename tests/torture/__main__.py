"""`make torture`: a thousand kills, half of them on SQLite, half on PostgreSQL, and twenty of the engine."""

import argparse
import contextlib
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.support import postgres
from tests.torture.engine import torture_engine
from tests.torture.report import report
from tests.torture.torture import torture

REPORT = Path(__file__).parents[2] / "docs" / "results" / "torture.md"
MEMORY = Path("/dev/shm")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="of API, worker and purge, on all databases")
    parser.add_argument("--engine-kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=Path, help=f"where to write; {REPORT.name} for a whole run")
    asked = parser.parse_args()
    console = Console(soft_wrap=True)
    outcomes, engine, programs = {}, None, postgres.binaries()
    with tempfile.TemporaryDirectory(prefix="simurgh-torture-", dir=scratch()) as name:
        folder = Path(name)
        if asked.kills:
            with contextlib.ExitStack() as stack:
                urls = {"sqlite": f"sqlite:///{folder / 'simurgh.db'}"}
                if programs is not None:
                    server = stack.enter_context(postgres.running_server(programs))
                    urls["postgresql"] = server.format("postgres")
                each = -(-asked.kills // len(urls))
                outcomes = torture(urls, folder, kills=each, seed=asked.seed, say=console.print)
        if asked.engine_kills:
            engine = torture_engine(
                folder / "engine", kills=asked.engine_kills, seed=asked.seed, say=console.print
            )
    command = " ".join(["python -m tests.torture", *sys.argv[1:]]) + f" (seed {asked.seed})"
    page = report(outcomes, engine, command=command, postgres=postgres.version(programs))
    console.print(page, markup=False, highlight=False)
    whole = asked.kills >= 1000 and asked.engine_kills >= 20 and len(outcomes) > 1
    if asked.report or whole:
        (asked.report or REPORT).write_text(page)


def scratch() -> Path | None:
    """Memory, where there is any: what a SIGKILL may break does not depend on the disk, which is slow."""
    return MEMORY if os.access(MEMORY, os.W_OK) else None


if __name__ == "__main__":
    main()
