"""The disk that forgets keeps what was synced, and may lose or keep the rest piece by piece."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.torture.power.disk import Cut, Disk
from tests.torture.power.operations import (
    Create,
    Link,
    MakeFolder,
    Mark,
    Operation,
    Remove,
    Rename,
    Resize,
    Sync,
    Write,
)
from tests.torture.power.trace import read

NOTHING, EVERYTHING = Cut(keep=lambda _count: 0), Cut(keep=lambda count: count)


def disk(*operations: Operation) -> Disk:
    made = Disk()
    for operation in operations:
        made.apply(operation)
    return made


def written(path: str, data: bytes) -> list[Operation]:
    return [Create(path=path), Write(path=path, offset=0, data=data)]


def synced(path: str) -> Sync:
    return Sync(path=path, begun=10**9)


def test_a_file_needs_its_own_sync_and_its_folders() -> None:
    assert disk(*written("a", b"x")).after(NOTHING) == {}
    assert disk(*written("a", b"x"), synced("a")).after(NOTHING) == {}
    assert disk(*written("a", b"x"), synced("")).after(NOTHING) == {"a": b""}
    assert disk(*written("a", b"x"), synced("a"), synced("")).after(NOTHING) == {"a": b"x"}
    assert disk(*written("a", b"x")).after(EVERYTHING) == {"a": b"x"}


def test_a_folder_needs_the_sync_of_the_one_above_it() -> None:
    inside = [MakeFolder(path="f"), *written("f/a", b"x"), synced("f/a"), synced("f")]
    assert disk(*inside).after(NOTHING) == {}
    assert disk(*inside, synced("")).after(NOTHING) == {"f": None, "f/a": b"x"}


def test_what_is_removed_comes_back_without_a_sync() -> None:
    there = [*written("a", b"x"), synced("a"), synced("")]
    assert disk(*there, Remove(path="a")).after(NOTHING) == {"a": b"x"}
    assert disk(*there, Remove(path="a"), synced("")).after(NOTHING) == {}


def test_a_sync_covers_what_came_before_it_was_begun() -> None:
    operations = [*written("a", b"x"), Write(path="a", offset=0, data=b"y"), synced("")]
    assert disk(*operations, Sync(path="a", begun=2)).after(NOTHING) == {"a": b"x"}


@pytest.mark.parametrize("seed", range(50))
def test_a_rename_is_done_or_not(seed: int) -> None:
    draw = random.Random(seed)
    keep = Cut(keep=lambda count: draw.randint(0, count))
    there = [*written("a", b"new"), synced("a"), *written("b", b"old"), synced("b"), synced("")]
    after = disk(*there, Rename(path="a", to="b")).after(keep)
    assert after in ({"a": b"new", "b": b"old"}, {"b": b"new"})
    moved = disk(*there, MakeFolder(path="f"), synced(""), Rename(path="a", to="f/a"))
    assert {"a": b"new", "f/a": b"new"}.items() & moved.after(keep).items()  # never lost
    moved.apply(synced(""))  # that it is gone here means that it is there
    assert moved.after(NOTHING) == {"b": b"old", "f": None, "f/a": b"new"}


@pytest.mark.parametrize("seed", range(20))
def test_sectors_tear_by_themselves(seed: int) -> None:
    draw = random.Random(seed)
    keep = Cut(keep=lambda count: draw.randint(0, count), sector=4)
    there = [*written("a", b"a" * 12), synced("a"), synced("")]
    operations = [Write(path="a", offset=2, data=b"b" * 8), Write(path="a", offset=0, data=b"cccc")]
    content = disk(*there, *operations).after(keep)["a"]
    assert content is not None
    assert content[:4] in (b"aaaa", b"aabb", b"cccc")
    assert content[4:8] in (b"aaaa", b"bbbb")
    assert content[8:] in (b"aaaa", b"bbaa")


def test_a_size_may_come_before_its_bytes() -> None:
    sizes = iter([0, 1])  # the sector is not there, the size is
    cut = Cut(keep=lambda _count: next(sizes), fill=b"?")
    there = [Create(path="a"), synced("a"), synced("")]
    assert disk(*there, Write(path="a", offset=0, data=b"xyz")).after(cut) == {"a": b"???"}


CHANGES = st.one_of(
    st.builds(Write, path=st.just("a"), offset=st.integers(0, 40), data=st.binary(min_size=1, max_size=30)),
    st.builds(Resize, path=st.just("a"), size=st.integers(0, 50)),
    st.builds(Sync, path=st.just("a"), begun=st.just(10**9)),
)


@given(changes=st.lists(CHANGES, max_size=12), sector=st.integers(1, 16), seed=st.integers())
def test_everything_is_what_a_file_would_be(changes: list[Operation], sector: int, seed: int) -> None:
    made = disk(Create(path="a"), synced(""), *changes)
    content, states = bytearray(), [b""]
    for change in changes:
        if isinstance(change, Write):
            content.extend(bytes(max(change.offset + len(change.data) - len(content), 0)))
            content[change.offset : change.offset + len(change.data)] = change.data
        elif isinstance(change, Resize):
            content = content[: change.size].ljust(change.size, b"\0")
        states = [bytes(content)] if isinstance(change, Sync) else [*states, bytes(content)]
    assert made.after(Cut(keep=lambda count: count, sector=sector)) == {"a": bytes(content)}
    assert made.after(Cut(keep=lambda _count: 0, sector=sector)) == {"a": states[0]}
    draw = random.Random(seed)
    drawn = made.after(Cut(keep=lambda count: draw.randint(0, count), sector=sector))["a"]
    assert drawn is not None
    longest = max(map(len, states))
    padded = [state.ljust(longest, b"\0") for state in states]
    for at in range(0, len(drawn), sector):
        part = drawn[at : at + sector]
        assert part in {state[at : at + sector][: len(part)] for state in padded}


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def test_what_strace_writes_is_read() -> None:
    a, b = hexed("/r/a"), hexed("/r/b")
    lines = [
        f'7 openat(AT_FDCWD<{hexed("/")}>, "{a}", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3<{a}>',
        f'7 write(3<{a}>, "{hexed("xy")}", 2) = 2',
        f"7 fsync(3<{a}> <unfinished ...>",
        f'8 write(4<{hexed("/marks")}>, "{hexed("done it")}", 7) = 7',
        "7 <... fsync resumed>) = 0",
        f'7 pwrite64(3<{a}>, "{hexed("abc")}", 3, 512) = 2',
        f'7 openat(AT_FDCWD<{hexed("/")}>, "{b}", O_RDONLY) = -1 ENOENT (No such file or directory)',
        f'7 rename("{a}", "{b}") = 0',
        f'7 link("{b}", "{a}") = 0',
        f'7 unlinkat(5<{hexed("/r")}>, "{hexed("b")}", 0) = 0',
        f'7 write(3<{b}>(deleted), "{hexed("z")}", 1) = 1',
        "7 +++ exited with 0 +++",
    ]
    assert read(lines, Path("/r"), Path("/marks"), set()) == [
        Create(path="a"),
        Write(path="a", offset=0, data=b"xy"),
        Mark(text="done it"),
        Sync(path="a", begun=2),
        Write(path="a", offset=512, data=b"ab"),
        Rename(path="a", to="b"),
        Link(path="b", to="a"),
        Remove(path="b"),
    ]
    with pytest.raises(ValueError, match="fallocate"):
        read([f"7 fallocate(3<{a}>, 0, 0, 5) = 0"], Path("/r"), Path("/marks"), set())
