"""A service is started on what the power cut left, by the code that it is always started by."""

import hashlib
import re
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from app.adapter_store import MANIFEST, AdapterStore
from indexes import schema as s
from indexes.adapters import Adapters
from indexes.backup import restore
from indexes.chunks import Chunks
from indexes.collections import Collections
from indexes.database import reading
from indexes.embedder import FakeEmbedder
from indexes.errors import InvalidRequest
from indexes.live import LiveIndexes
from indexes.records import Collection
from indexes.snapshots import Snapshots
from indexes.verify import verify
from tests.torture.ledger import text_of
from tests.torture.power.disk import Image
from tests.torture.power.parts import Parts, Tools, build
from tests.torture.power.places import TENANTS, Places
from tests.torture.power.promises import Editions, Found
from tests.torture.power.story import ALL, content_hash, question

Look = Callable[[Places, Tools, Path], Editions | None]
NUMBER = re.compile(rb"(?<!\d)\d{10}(?!\d)")  # as editions are
EDITION = re.compile(r"edition (\d+)")


def contents(root: Path) -> Image:
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in root.rglob("*")
    }


def write(image: Image, root: Path) -> None:
    for path, content in sorted(image.items()):
        if content is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(content)


class Recovery:
    def __init__(self, tools: Tools, scratch: Path) -> None:
        """``scratch``: a folder to lay images out in."""
        self._tools = tools
        self._scratch = scratch
        self._beside: dict[str, Editions | None] = {}  # by what is there
        self._known: dict[str, Found] = {}
        self.unlike = 0  # images that were looked at, for no other was the same

    def of(self, image: Image) -> Found:
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="image-") as name:
            places = Places(root=Path(name))
            write(image, places.root)
            try:
                _roll_back(places)
                rolled_back = contents(places.root)
                if (key := digest(rolled_back, "data/", "database/")) not in self._known:
                    self.unlike += 1
                    self._known[key] = self._found(places)
                return replace(
                    self._known[key], legible=_legible(image), **self._beside_it(places, rolled_back)
                )
            except Exception as error:  # noqa: BLE001  whatever it is, the service would not have started
                return Found(problems=[f"not recovered: {type(error).__name__}: {error}"])

    def _found(self, places: Places) -> Found:
        with _opened(places, self._tools) as parts:
            problems = list(_integrity(parts))
            collections = _collections(parts)
            snapshots = Snapshots(parts.database, places.snapshots)
            loaded = {one.tenant: snapshots.load(one) for one in collections}
            live = LiveIndexes(Chunks(parts.database, self._tools.analyzer), snapshots)
            answered = _editions(parts, problems)
            _searched(parts, live, collections, problems)
            for version_id in parts.queue.unfinished(limit=ALL):
                parts.pipeline.ingest(version_id)
            if parts.queue.unfinished(limit=1):
                problems.append("a job does not end")
            settled = _editions(parts, problems)
            _searched(parts, live, collections, problems)
            problems += verify(parts.database, parts.blobs).problems
            return Found(
                problems=problems,
                answered=answered,
                settled=settled,
                seqs={one.tenant: one.seq for one in collections},
                snapshots={tenant: one.seq for tenant, one in loaded.items() if one is not None},
                adapters=dict(_adapters(parts, places)),
            )

    def _beside_it(self, places: Places, image: Image) -> dict[str, Any]:
        backups = {
            int(folder.name): self._once(places, image, folder, _of_backup)
            for folder in places.backups.glob("*")
        }
        return {
            "backups": {number: editions for number, editions in backups.items() if editions is not None},
            "restored": self._once(places, image, places.restored.root, _of_restored),
        }

    def _once(self, places: Places, image: Image, folder: Path, look: Look) -> Editions | None:
        """Of a folder beside the service's own, which mostly is as it was in the image before."""
        key = digest(image, f"{folder.relative_to(places.root)}/")
        if key not in self._beside:
            self._beside[key] = look(places, self._tools, folder)
        return self._beside[key]


def _roll_back(places: Places) -> None:
    """As SQLite does with a journal when anything is read: most images are alike then."""
    for root in (places.root, places.restored.root):
        file = Places(root=root).database
        if file.exists():
            with closing(sqlite3.connect(file)) as database:
                database.execute("SELECT count(*) FROM sqlite_master").fetchall()


def digest(image: Image, *prefixes: str) -> str:
    """Of all that is below one of the prefixes."""
    whole = hashlib.blake2b()
    for path, content in sorted(one for one in image.items() if one[0].startswith(prefixes)):
        whole.update(f"{path}\n{-1 if content is None else len(content)}\n".encode())
        whole.update(content or b"")
    return whole.hexdigest()


@contextmanager
def _opened(places: Places, tools: Tools) -> Iterator[Parts]:
    parts = build(places.url, places.data, tools)
    try:
        yield parts
    finally:
        parts.database.dispose()


def _integrity(parts: Parts) -> Iterator[str]:
    yield from verify(parts.database, parts.blobs).problems
    with reading(parts.database) as db:
        for row in db.exec_driver_sql("PRAGMA foreign_key_check"):
            yield f"a row leads nowhere: {row}"


def _collections(parts: Parts) -> list[Collection]:
    collections = Collections(parts.database, FakeEmbedder.identity)
    return [collections.get(tenant, "default") for tenant in TENANTS]


def _editions(parts: Parts, problems: list[str]) -> Editions:
    """What answers; that each of its passages is there once is looked at on the way."""
    columns = (s.documents.c.id, s.documents.c.name, s.collections.c.tenant, s.versions.c.text)
    with reading(parts.database) as db:
        rows = db.execute(
            select(*columns)
            .join(s.versions, s.versions.c.id == s.documents.c.version_id)
            .join(s.collections, s.collections.c.id == s.documents.c.collection_id)
            .where(s.documents.c.deleted_at.is_(None))
        ).all()
        chunks = db.execute(
            select(s.chunks.c.document_id, s.chunks.c.text).where(s.chunks.c.dead_seq.is_(None))
        ).all()
    editions: Editions = {}
    passages = Counter((row.document_id, row.text) for row in chunks)
    expected = Counter[tuple[str, str]]()
    for row in rows:
        key, edition = (row.tenant, int(row.name.removesuffix(".txt"))), int(EDITION.findall(row.text)[0])
        if key in editions:
            problems.append(f"{key} is there twice")
        if row.text != text_of(key[1], edition):
            problems.append(f"{key} has another text")
        editions[key] = edition
        texts = parts.chunker.chunks(row.text, markdown=False, page_starts=None)
        expected.update((row.id, one.text) for one in texts)
    if passages != expected:
        problems.append(f"passages too many {passages - expected}, missing {expected - passages}")
    return editions


def _searched(parts: Parts, live: LiveIndexes, collections: list[Collection], problems: list[str]) -> None:
    """All that is live is found, and nothing else is, in each tenant's collection."""
    for collection in collections:
        found = live.search(collection, question(), ALL).ids
        with reading(parts.database) as db:
            mine = (s.chunks.c.collection_id == collection.id) & s.chunks.c.dead_seq.is_(None)
            there = np.array(db.execute(select(s.chunks.c.id).where(mine)).scalars().all(), np.int64)
        if not np.array_equal(np.sort(found), np.sort(there)):
            problems.append(f"a search of {collection.tenant} finds {found} where {there} is")


def _adapters(parts: Parts, places: Places) -> Iterator[tuple[str, str]]:
    for row in Adapters(parts.database).list(None):
        folder = AdapterStore(places.adapters).folder(row.sha256)
        if (folder / MANIFEST).exists():
            yield row.name, content_hash(folder)


def _of_backup(places: Places, tools: Tools, folder: Path) -> Editions | None:
    """None for one that is not complete."""
    target = Places(root=places.root / f"from-{folder.name}")
    try:
        restore(target.url, target.data, folder)
    except InvalidRequest:
        return None
    return _of_restored(places, tools, target.root)


def _of_restored(_places: Places, tools: Tools, root: Path) -> Editions | None:
    """None for one that is not whole."""
    problems: list[str] = []
    with _opened(Places(root=root), tools) as parts:
        editions = _editions(parts, problems)
        problems += verify(parts.database, parts.blobs).problems
    return None if problems else editions


def _legible(image: Image) -> set[int]:
    content = b"\n".join(
        content
        for path, content in image.items()
        if content is not None and not path.startswith(("backups/", "restored/"))
    )
    return {int(one) for one in NUMBER.findall(content)}
