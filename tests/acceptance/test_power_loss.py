"""A sample of `make power-loss`, and that it finds what a forgotten sync would lose."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.left_out import leave_out
from tests.torture.power.cuts import cut_everywhere
from tests.torture.power.handover import hand_over
from tests.torture.power.operations import Mark, Operation, Remove, Sync
from tests.torture.power.parts import Tools, build_tools
from tests.torture.power.recorded import run
from tests.torture.power.recovery import Recovery
from tests.torture.power.trace import why_not

ACTIONS = 12  # each kind of action once
BETWEEN = 80  # a prefix every so many operations, beside those that end with a promise
LAST = 6  # promises that are looked at where a sync is forgotten
Forgotten = Callable[[Sequence[Operation], int], bool]


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    made = build_tools(tmp_path_factory.mktemp("tools"))
    yield made
    made.cage.close()


@pytest.fixture(scope="module")
def recovery(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Recovery:
    return Recovery(tools, tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Operation]:
    if (reason := why_not()) is not None:
        leave_out(reason)
    return run("story", tmp_path_factory.mktemp("story"), seed=1, actions=ACTIONS)


def promises(operations: Sequence[Operation]) -> list[int]:
    return [
        number
        for number, operation in enumerate(operations)
        if isinstance(operation, Mark) and operation.text.startswith("done")
    ]


def test_what_was_promised_outlives_a_power_cut(story: Sequence[Operation], recovery: Recovery) -> None:
    prefixes = {*promises(story), *range(0, len(story), BETWEEN)}
    outcome = cut_everywhere(story, recovery.of, prefixes=prefixes, drawn=1, seed=0)
    assert outcome.images > 2 * len(prefixes)
    assert dict(outcome.faults) == {}, outcome.first


def syncs(of: str) -> Forgotten:
    """Of what has a path like this."""

    def forgotten(operations: Sequence[Operation], number: int) -> bool:
        operation = operations[number]
        return isinstance(operation, Sync) and re.fullmatch(of, operation.path) is not None

    return forgotten


def journals_end(operations: Sequence[Operation], number: int) -> bool:
    """As with ``synchronous=FULL``."""
    before = operations[number - 1]
    return isinstance(operations[number], Sync) and isinstance(before, Remove) and "-journal" in before.path


@pytest.mark.parametrize(
    ("forgotten", "fault"),
    [
        (journals_end, "answers, and not one of|will answer, and not one of"),
        (syncs("database/simurgh.db"), "not recovered|answers, and not"),
        (syncs("database"), "will answer, and not"),
        (syncs(""), "will answer, and not"),
        (syncs("data"), "the bytes of document .* are gone"),
        (syncs("data/files"), "the bytes of document .* are gone"),
        (syncs("data/files/.."), "the purged edition .* can be read"),
        (syncs("data/files/incoming-.*"), "the bytes of document .* are damaged"),
        (syncs("data/adapters"), "adapter"),
        (syncs("data/adapters/incoming-.*"), "adapter"),
        (syncs("data/snapshots/.*"), "the snapshot of"),
        (syncs("backups/.*"), "backup"),
        (syncs("restored/.*"), "what was restored"),
    ],
)
def test_a_forgotten_sync_is_found(
    story: Sequence[Operation], recovery: Recovery, forgotten: Forgotten, fault: str
) -> None:
    left = [operation for number, operation in enumerate(story) if not forgotten(story, number)]
    assert len(left) < len(story)
    outcome = cut_everywhere(left, recovery.of, prefixes=promises(left)[-LAST:], drawn=0, seed=0)
    assert [one for one in outcome.faults if re.search(fault, one)], outcome.faults


@pytest.mark.timeout(600)
def test_the_workers_own_records_may_be_lost(recovery: Recovery, tmp_path: Path) -> None:
    if (reason := why_not()) is not None:
        leave_out(reason)
    operations = run("working", tmp_path / "working", seed=1, actions=3)
    ended = promises(operations)
    outcome = hand_over(
        operations, recovery, tmp_path, prefixes=[ended[len(ended) // 2]], states=("lost", "newer"), seed=0
    )
    assert outcome.images == 2
    assert dict(outcome.faults) == {}, outcome.first
