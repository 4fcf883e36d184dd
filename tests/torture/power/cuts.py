"""The power is cut after each operation in turn, and what is left is looked at."""

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from tests.torture.power.disk import Cut, Disk, Image
from tests.torture.power.operations import Mark, Operation
from tests.torture.power.promises import Found, Promises

SECTORS = (512, 4096)  # bytes
FILLS = (b"\0", b"\xa5")


@dataclass(kw_only=True)
class Outcome:
    operations: int = 0
    prefixes: int = 0
    images: int = 0
    unlike: int = 0  # of these, when SQLite has rolled back what had not been committed
    faults: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)  # of each fault, where it showed

    def add(self, faults: Sequence[str], number: int, how: str) -> None:
        """Of one image, after the operation of that number."""
        self.images += 1
        for fault in faults:
            self.faults[fault] += 1
            self.first.setdefault(fault, f"after operation {number} ({how})")

    def __iadd__(self, other: "Outcome") -> "Outcome":
        """Of another part of the same operations."""
        self.prefixes += other.prefixes
        self.images += other.images
        self.unlike += other.unlike
        self.faults += other.faults
        self.first = other.first | self.first
        return self


def cut_everywhere(
    operations: Sequence[Operation],
    recover: Callable[[Image], Found],
    *,
    prefixes: Collection[int],
    drawn: int,
    seed: int,
) -> Outcome:
    """``drawn``: images a prefix beside the two that hold only what was synced, and everything."""
    outcome, disk, promises = Outcome(operations=len(operations)), Disk(), Promises()
    for number, operation in enumerate(operations):
        disk.apply(operation)
        if isinstance(operation, Mark):
            promises.mark(operation.text)
        if number not in prefixes:
            continue
        outcome.prefixes += 1
        for name, cut in cuts(disk, drawn, random.Random(f"{seed} {number}")):
            image = disk.after(cut)
            outcome.add(promises.broken(recover(image)), number, name)
    return outcome


def cuts(disk: Disk, drawn: int, draw: random.Random) -> Iterator[tuple[str, Cut]]:
    asked = [0]

    def all_of(count: int) -> int:
        asked[0] += 1
        return count

    yield "nothing that was not synced", Cut(keep=lambda _count: 0)
    whole = Cut(keep=all_of)
    yield "everything", whole
    units, asked[0] = asked[0], 0
    if units == 0:
        return
    for _ in range(drawn):
        how = draw.choice(["any", "any", "all but one", "only one", "most", "few"])
        keep = _keep(how, units, draw)
        yield how, Cut(keep=keep, sector=draw.choice(SECTORS), fill=draw.choice(FILLS))


def _keep(how: str, units: int, draw: random.Random) -> Callable[[int], int]:
    """``units``: how often it will be asked, if it keeps everything."""
    one, number = draw.randrange(units), iter(range(10**9))
    chance = {"any": 0.5, "most": 0.9, "few": 0.1}.get(how, 0.0)

    def keep(count: int) -> int:
        if how == "all but one":
            return draw.randrange(count) if next(number) == one else count
        if how == "only one":
            return draw.randint(1, count) if next(number) == one else 0
        if draw.random() < 0.2:
            return draw.randint(0, count)
        return count if draw.random() < chance else 0

    return keep
