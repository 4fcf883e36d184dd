"""A process that is run to its end, and all that it did to its disk."""

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.torture.power.disk import Cut, Disk
from tests.torture.power.operations import Operation
from tests.torture.power.recovery import contents
from tests.torture.power.trace import record

PATIENCE = 300.0  # seconds
ALL = Cut(keep=lambda count: count)


def run(module: str, folder: Path, *, seed: int, actions: int) -> Sequence[Operation]:
    """Of ``tests.torture.power.<module>``. Raises AssertionError where the record has a gap."""
    root, marks = folder / "root", folder / "marks"
    root.mkdir(parents=True)
    command = [
        sys.executable,
        "-m",
        f"tests.torture.power.{module}",
        str(root),
        str(marks),
        str(seed),
        str(actions),
    ]
    operations = record(command, root, marks, log=folder / "log", timeout=PATIENCE)
    (folder / "log").unlink()
    disk = Disk()
    for operation in operations:
        disk.apply(operation)
    assert disk.after(ALL) == contents(root), "what was recorded is not what was done"
    return operations
