"""`make torture`: a thousand kills, half of them on SQLite, half on PostgreSQL, and twenty of the engine.

Ctrl-C is enough of the thousand: what was done until then is looked at, and told.
"""

import argparse
import contextlib
import os
import signal
import sqlite3
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console

from tests.support import postgres
from tests.torture.engine import torture_engine
from tests.torture.lane import Outcome, Say
from tests.torture.report import engine_page, page
from tests.torture.torture import torture

REPORTS = Path(__file__).parents[2] / "docs" / "results"
WHOLE, WHOLE_ENGINE = 1000, 20  # kills from which on a report is written
MEMORY = Path("/dev/shm")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument(
        "--kills", type=int, default=WHOLE, help="of API and worker, on all databases together"
    )
    parser.add_argument("--engine-kills", type=int, default=WHOLE_ENGINE)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reports", type=Path, default=REPORTS, help="folder for what a whole run came to")
    asked = parser.parse_args()
    console = Console(soft_wrap=True, markup=False, highlight=False)
    enough = threading.Event()
    signal.signal(signal.SIGINT, lambda _number, _frame: enough.set())

    def say(text: str) -> None:
        console.print(time.strftime("%H:%M:%S"), text)

    def told(name: str, text: str, *, whole: bool) -> None:
        console.print(text)
        if whole:
            asked.reports.mkdir(parents=True, exist_ok=True)
            (asked.reports / name).write_text(text)

    with tempfile.TemporaryDirectory(prefix="simurgh-torture-", dir=scratch()) as name:
        folder, facts = Path(name), {"seed": str(asked.seed)}
        if asked.kills:
            outcomes, server = _on_all_databases(folder, asked.kills, asked.seed, say, enough)
            whole = sum(one.served for one in outcomes.values()) >= WHOLE and len(outcomes) > 1
            told("torture.md", page(outcomes, database=server, **facts), whole=whole)
        if asked.engine_kills and not enough.is_set():
            engine = torture_engine(folder / "engine", kills=asked.engine_kills, seed=asked.seed, say=say)
            whole = asked.engine_kills >= WHOLE_ENGINE
            told("torture-engine.md", engine_page(engine, **facts), whole=whole)


def _on_all_databases(
    folder: Path, kills: int, seed: int, say: Say, enough: threading.Event
) -> tuple[dict[str, Outcome], str]:
    programs = postgres.binaries()
    with contextlib.ExitStack() as stack:
        urls = {"sqlite": f"sqlite:///{folder / 'simurgh.db'}"}
        if programs is not None:
            server = stack.enter_context(postgres.running_server(programs))
            urls["postgresql"] = server.format("postgres")
        each = -(-kills // len(urls))
        outcomes = torture(urls, folder, kills=each, seed=seed, say=say, enough=enough)
    return outcomes, f"SQLite {sqlite3.sqlite_version}, {postgres.version(programs)}"


def scratch() -> Path | None:
    """Memory, where there is any: what a SIGKILL may break does not depend on the disk, which is slow."""
    return MEMORY if os.access(MEMORY, os.W_OK) else None


if __name__ == "__main__":
    main()
