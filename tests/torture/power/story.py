"""`python -m tests.torture.power.story ROOT MARKS SEED ACTIONS`: a process that does a bit of everything.

Before each action it writes a line to MARKS that says what it is about to do, and after it one that says that
it is done: only then has it been promised.
"""

import hashlib
import io
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import safetensors.numpy

from app.adapter_store import CONFIG, WEIGHTS, AdapterStore
from indexes.adapters import Adapters
from indexes.backup import back_up, restore
from indexes.blobs import sha256_of
from indexes.chunks import Chunks
from indexes.collections import Collections
from indexes.embedder import FakeEmbedder
from indexes.hybrid import Query
from indexes.live import LiveIndexes
from indexes.purge import Purge
from indexes.records import Adapter, Collection
from indexes.snapshots import Snapshots
from ingest.jobs import File
from tests.torture.ledger import text_of
from tests.torture.power.marks import Marks
from tests.torture.power.parts import Parts, Tools, build, build_tools
from tests.torture.power.places import TENANTS, Places

SOURCES = 5  # of each tenant
ALL = 10_000  # passages


class Killed(BaseException):
    """As if the process had been killed there and started again."""


class Story:
    def __init__(self, places: Places, tools: Tools, marks: Marks, draw: random.Random) -> None:
        self._places, self._tools, self._marks, self._draw = places, tools, marks, draw
        self.parts: Parts = build(places.url, places.data, tools)
        collections = Collections(self.parts.database, FakeEmbedder.identity)
        self._collections = {tenant: collections.get(tenant, "default") for tenant in TENANTS}
        self._chunks = Chunks(self.parts.database, tools.analyzer)
        self._snapshots = Snapshots(self.parts.database, places.snapshots)
        self._live = LiveIndexes(self._chunks, self._snapshots)
        self._purge = Purge(self.parts.database, self._snapshots, self.parts.blobs)
        self._store, self._adapters = AdapterStore(places.adapters), Adapters(self.parts.database)
        self._documents: dict[tuple[str, int], str] = {}
        self._versions: dict[str, tuple[str, int, int]] = {}
        self._number = 0

    def actions(self) -> Iterator[Callable[[], None]]:
        """Each of them once, and from then on whatever is drawn."""
        yield from (self._submit, self._again, self._adapter, self._work, self._save, self._submit)
        yield from (self._back_up, self._delete, self._work, self._sweep, self._work, self._save)
        weights = {
            self._submit: 6,
            self._work: 6,
            self._again: 1,
            self._delete: 2,
            self._save: 2,
            self._sweep: 1,
            self._adapter: 1,
        }
        while True:
            yield self._draw.choices(list(weights), list(weights.values()))[0]

    def _submit(self) -> None:
        tenant, source, edition = self._drawn()
        with self._marks.promised("submit", tenant=tenant, source=source, edition=edition):
            self._hand_in(tenant, source, edition)

    def _again(self) -> None:
        """Handed in once more after the process was killed somewhere within the first time."""
        tenant, source, edition = self._drawn()
        with self._marks.promised("submit", tenant=tenant, source=source, edition=edition):
            with _killed_at(self._draw.randint(1, 6)):
                self._hand_in(tenant, source, edition)
            again = build(self._places.url, self._places.data, self._tools)
            self.parts = replace(self.parts, jobs=again.jobs, blobs=again.blobs)
            self._hand_in(tenant, source, edition)

    def _hand_in(self, tenant: str, source: int, edition: int) -> None:
        file = File(
            name=f"{source}.txt",
            media_type="text/plain",
            stream=io.BytesIO(text_of(source, edition).encode()),
        )
        [document] = self.parts.jobs.submit(self._collections[tenant], files=[file])[1]
        self._documents[tenant, source] = document.document_id
        for version_id in self.parts.queue.unfinished(limit=ALL):
            self._versions.setdefault(version_id, (tenant, source, edition))

    def _work(self) -> None:
        for version_id in self.parts.queue.unfinished(limit=2):
            tenant, source, edition = self._versions[version_id]
            with self._marks.promised("work", tenant=tenant, source=source, edition=edition) as about:
                self.parts.pipeline.ingest(version_id)
                about["seq"] = self._seq(self._collections[tenant])

    def _delete(self) -> None:
        if not self._documents:
            return
        key = self._draw.choice(sorted(self._documents))
        document = self.parts.documents.get(key[0], self._documents.pop(key))
        with self._marks.promised("delete", tenant=key[0], source=key[1]):
            self.parts.documents.delete(document)

    def _save(self) -> None:
        for collection in self._collections.values():
            self._live.search(collection, question(), ALL)
        with self._marks.promised("save") as about:
            self._live.save(at_least=1)
            about["saved"] = {tenant: self._saved(one) for tenant, one in self._collections.items()}

    def _saved(self, collection: Collection) -> int | None:
        loaded = self._snapshots.load(replace(collection, seq=self._seq(collection)))
        return None if loaded is None else loaded.seq

    def _seq(self, collection: Collection) -> int:
        moment = self._chunks.moment(collection)
        assert moment is not None
        return moment.seq

    def _sweep(self) -> None:
        with self._marks.promised("purge"):
            self._purge.run(keep_blob=-1.0)
        self._live.renew()
        time.sleep(0.1)

    def _adapter(self) -> None:
        self._number += 1
        name, seed = f"adapter-{self._number}", self._draw.randrange(4)  # some are the same as an earlier one
        with self._marks.promised("adapter", name=name) as about:
            with _killed_at(self._draw.choice([3, 5, 6, 99])):
                _keep(self._store, seed)
            about["sha256"] = _keep(self._store, seed)
            self._adapters.add(TENANTS[0], _adapter(name, about["sha256"]))

    def _back_up(self) -> None:
        self._number += 1
        with self._marks.promised("backup", number=self._number):
            back_up(self._places.url, self._places.data, self._places.backup(self._number))
        there = self._places.restored
        with self._marks.promised("restore", number=self._number):
            restore(there.url, there.data, self._places.backup(self._number))

    def _drawn(self) -> tuple[str, int, int]:
        return (
            self._draw.choice(TENANTS),
            self._draw.randrange(SOURCES),
            self._draw.randrange(10**9, 10**10),
        )


def _keep(store: AdapterStore, seed: int) -> str:
    with store.scratch() as scratch:
        weights = np.random.default_rng(seed).normal(size=(64, 8)).astype(np.float32)
        safetensors.numpy.save_file({"lora_A": weights}, scratch / WEIGHTS)
        (scratch / CONFIG).write_text(json.dumps({"r": 8, "seed": seed}))
        return store.keep(scratch)


def content_hash(folder: Path) -> str:
    """Of an adapter's two files, as its row has it."""
    digests = {name: sha256_of(folder / name) for name in (CONFIG, WEIGHTS)}
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def _adapter(name: str, sha256: str) -> Adapter:
    return Adapter(
        number=0,
        name=name,
        sha256=sha256,
        base_model="base",
        rank=8,
        target_modules=["q_proj"],
        status="ready",
        error=None,
        source="upload",
        created_at=time.time(),
    )


def question() -> Query:
    vector = FakeEmbedder().embed_queries(["ferry"])
    return Query(vector=vector, script="latin", home=None, terms=["ferri"])


@contextmanager
def _killed_at(times: int) -> Iterator[None]:
    """Ends what is within it at the sync of that number, before it is done."""
    whole, left = os.fsync, [times]

    def fsync(descriptor: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        whole(descriptor)

    os.fsync = fsync
    try:
        with suppress(Killed):
            yield
    finally:
        os.fsync = whole


def main() -> None:
    root, marks, seed, actions = sys.argv[1:]
    tools = build_tools(Path(marks).parent)
    story = Story(Places(root=Path(root)), tools, Marks(Path(marks)), random.Random(int(seed)))
    try:
        for act in islice(story.actions(), int(actions)):
            act()
    finally:
        tools.cage.close()
        story.parts.database.dispose()


if __name__ == "__main__":
    main()
