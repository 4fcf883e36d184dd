"""`make torture`: a thousand kills, half of them on SQLite, half on PostgreSQL."""

import argparse
import contextlib
import tempfile
from pathlib import Path

from rich.console import Console

from tests.support import postgres
from tests.torture.torture import torture


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="simurgh-torture-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        urls = {"sqlite": f"sqlite:///{folder / 'sqlite' / 'simurgh.db'}"}
        if (programs := postgres.binaries()) is not None:
            urls["postgresql"] = stack.enter_context(postgres.running_server(programs)).format("postgres")
        for kind, url in urls.items():
            (folder / kind).mkdir()
            killed = torture(
                url, folder / kind, kills=asked.kills // len(urls), seed=asked.seed, say=console.print
            )
            console.print(f"{kind}: {killed.total()} killed, nothing lost, nothing double, nothing back")
            for where, count in sorted(killed.items()):
                console.print(f"  {count:5}  {where}")


if __name__ == "__main__":
    main()
