"""Five hundred times a snapshot is damaged: it is noticed, and mended without anybody's help."""

import random
from pathlib import Path

from sqlalchemy import Engine

from indexes.live import LiveIndexes
from indexes.records import Collection
from indexes.snapshots import Snapshots
from tests.support.searching import found
from tests.support.store import TENANT, Store

TIMES = 500
OTHER_TENANT = "other"
MINE = [f"The {word} ferry leaves at noon." for word in ("red", "green", "blue", "old", "new")]
THEIRS = [f"The {word} payroll is secret." for word in ("red", "green", "blue", "old", "new")]


def opened(store: Store, folder: Path) -> LiveIndexes:
    """As after a start of the service."""
    return LiveIndexes(store.chunks, Snapshots(store.database, folder))


def newest(folder: Path, collection: Collection) -> Path:
    return max((folder / collection.id).glob("*.safetensors"), key=lambda path: int(path.stem.split("-")[1]))


def damaged(content: bytes, theirs: bytes, draw: random.Random) -> bytes:
    how = draw.choice(["flip", "flip", "cut", "cut", "grown", "another tenant's"])
    if how == "flip":
        at = draw.randrange(len(content))
        return content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]
    if how == "cut":
        return content[: draw.randrange(len(content))]
    return content + b"\0" * draw.randrange(1, 9) if how == "grown" else theirs


def test_every_damage_is_noticed_and_mended(sqlite: Engine, tmp_path: Path) -> None:
    store, theirs, folder = Store(sqlite), Store(sqlite), tmp_path / "snapshots"
    theirs.collection = store.collections.get(OTHER_TENANT, "default")
    for mine, other in zip(MINE, THEIRS, strict=True):
        store.add(mine)
        theirs.add(other)
    first = opened(store, folder)
    expected = found(store, first, "red ferry")
    assert expected[0] == MINE[0]
    found(theirs, first, "payroll", tenant=OTHER_TENANT)
    first.save(at_least=1)
    store.collection = store.collections.get(TENANT, "default")
    file, their_file = newest(folder, store.collection), newest(folder, theirs.collection)
    content, their_content = file.read_bytes(), their_file.read_bytes()
    snapshots, draw, noticed = Snapshots(sqlite, folder), random.Random(0), 0
    for _ in range(TIMES):
        file.write_bytes(damaged(content, their_content, draw))
        noticed += snapshots.load(store.collection) is None
        indexes = opened(store, folder)
        assert found(store, indexes, "red ferry") == expected
        assert not set(found(store, indexes, "payroll secret")) & set(THEIRS)
    assert noticed == TIMES
    file.write_bytes(content)
    assert snapshots.load(store.collection) is not None
