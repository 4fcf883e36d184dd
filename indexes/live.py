"""The indexes that answer: opened on first use, brought up to the database's seq at every search.

A collection that is re-embedded has two for a while: one of the model that answers, and one of the model that
is about to.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from indexes.chunks import Chunks, Moment
from indexes.errors import CollectionNotFound, IndexUnavailable, Reembedded, SimurghError
from indexes.hybrid import Candidates, HybridIndex, Query, build_hybrid
from indexes.records import Collection, EmbedderIdentity
from indexes.rows import Ids
from indexes.snapshots import Snapshots

OPEN_PATIENCE = 5.0  # seconds a question waits for an index that is being opened
SNAPSHOT_CHANGES = 20  # seqs behind before a new snapshot is worth writing
Key = tuple[str, EmbedderIdentity]  # of the collection, and of the model as which it is seen
log = structlog.get_logger()


@dataclass
class _Entry:
    collection: Collection
    lock: threading.Lock = field(default_factory=threading.Lock)  # guards index and seq
    opened: threading.Event = field(default_factory=threading.Event)
    index: HybridIndex | None = None
    seq: int = -1
    built_seq: int = 0  # when it was built from live rows alone
    saved_seq: int = -1
    working: bool = False  # an opening or rebuilding thread is on its way
    progress: str = "opening"
    recall: float | None = None  # measured at build; None for one loaded from a snapshot


class LiveIndexes:
    def __init__(self, chunks: Chunks, snapshots: Snapshots) -> None:
        self._chunks = chunks
        self._snapshots = snapshots
        self._entries: dict[Key, _Entry] = {}
        self._coming: set[Key] = set()
        self._lock = threading.Lock()  # guards the entries and their `working`

    def search(
        self,
        collection: Collection,
        query: Query,
        k: int,
        *,
        allowed: Ids | None = None,
    ) -> Candidates:
        """The best ``k`` of each leg. Sees everything committed before the call.

        Raises IndexUnavailable while the index is being opened, Reembedded where the query is not of the
        collection's model any more, CollectionNotFound.
        """
        moment = self._moment(collection)
        entry = self._entry(collection)
        if entry.index is None:
            self._start(entry, self._open)
            if not entry.opened.wait(OPEN_PATIENCE):
                raise IndexUnavailable(f"the index of {collection.name!r} is not ready: {entry.progress}")
        with entry.lock:
            if entry.index is None:  # opening failed; the next question tries again
                self._moment(collection)
                raise IndexUnavailable(
                    f"the index of {collection.name!r} could not be opened: {entry.progress}"
                )
            if entry.seq < moment.seq:
                self._replay(entry, entry.index)
            found = entry.index.search(query, k, allowed=allowed)
        if entry.index.dense.worth_rebuilding or entry.built_seq < moment.purged_seq:
            self._start(entry, self._rebuild)
        return found

    def prepare(self, coming: Sequence[Collection]) -> None:
        """Begin to open what is about to answer, where what answers now is in use."""
        self._coming = {_key(collection) for collection in coming}
        served = {entry.collection.id for entry in list(self._entries.values()) if entry.index is not None}
        for collection in coming:
            if collection.id in served and (entry := self._entry(collection)).index is None:
                self._start(entry, self._open)

    def renew(self) -> None:
        """Let go of the indexes of models that answer no more, and begin to build anew those that hold
        vectors of what was purged."""
        for key, entry in list(self._entries.items()):
            moment = self._chunks.moment(entry.collection)
            if moment is not None and moment.embedder != entry.collection.embedder:
                if key not in self._coming:
                    with self._lock:
                        self._entries.pop(key, None)
                continue
            if entry.index is not None and moment is not None and entry.built_seq < moment.purged_seq:
                self._start(entry, self._rebuild)

    def save(self, *, at_least: int = SNAPSHOT_CHANGES) -> None:
        """Snapshot the indexes that are ``at_least`` changes ahead of their last one."""
        for entry in list(self._entries.values()):
            if entry.index is None or entry.seq - entry.saved_seq < at_least:
                continue
            with entry.lock:  # only as long as it takes to copy: questions wait for it
                if entry.index is None:
                    continue
                state, seq, built_seq = entry.index.state(), entry.seq, entry.built_seq
            try:
                self._snapshots.save(entry.collection, state, seq, built_seq=built_seq)
                if entry.built_seq == built_seq:  # else it was built anew meanwhile
                    entry.saved_seq = seq
            except CollectionNotFound:
                self.forget(entry.collection)
            except SimurghError as error:  # the index is derived: serving goes on without a snapshot
                log.warning("snapshot failed", collection=entry.collection.name, error=error.message)

    def forget(self, collection: Collection) -> None:
        """Of a collection that was deleted: nothing of its index stays, in memory or on disk."""
        with self._lock:
            self._entries = {key: one for key, one in self._entries.items() if key[0] != collection.id}
        self._snapshots.forget(collection)

    def describe(self, collection: Collection) -> dict[str, int | float | str | None]:
        entry = self._entries.get(_key(collection))
        if entry is None or entry.index is None:
            return {"kind": None, "vectors": 0, "recall": None}
        return {"kind": entry.index.dense.kind, "vectors": entry.index.dense.live, "recall": entry.recall}

    def _moment(self, collection: Collection) -> Moment:
        """Raises CollectionNotFound, Reembedded."""
        moment = self._chunks.moment(collection)
        if moment is None:
            self.forget(collection)
            raise CollectionNotFound(f"collection {collection.name!r} was deleted", param="collection")
        if moment.embedder != collection.embedder:
            raise Reembedded(f"collection {collection.name!r} was re-embedded", now=moment.embedder)
        return moment

    def _entry(self, collection: Collection) -> _Entry:
        with self._lock:
            return self._entries.setdefault(_key(collection), _Entry(collection=collection))

    def _start(self, entry: _Entry, work: Callable[[_Entry], None]) -> None:
        with self._lock:
            if entry.working:
                return
            entry.working = True
            if entry.index is None:  # an opening that failed has been waited for
                entry.opened.clear()
        threading.Thread(target=self._run, args=(entry, work), name="index", daemon=True).start()

    def _run(self, entry: _Entry, work: Callable[[_Entry], None]) -> None:
        try:
            work(entry)
        except SimurghError as error:
            entry.progress = error.message
            log.error("index work failed", collection=entry.collection.name, error=error.message)
        except Exception as error:  # the next question tries again, and is told why
            entry.progress = f"{type(error).__name__}: {error}"
            log.exception("index work failed", collection=entry.collection.name)
        finally:
            entry.working = False
            entry.opened.set()

    def _open(self, entry: _Entry) -> None:
        entry.progress = "reading its snapshot"
        loaded = self._snapshots.load(entry.collection)
        if loaded is None:
            self._rebuild(entry)
            return
        with entry.lock:
            entry.index, entry.built_seq = loaded.index, loaded.built_seq
            entry.seq = entry.saved_seq = loaded.seq

    def _rebuild(self, entry: _Entry) -> None:
        """Make the index anew from the database, beside the old one, and switch at once."""
        started = time.monotonic()
        expected = self._chunks.live_count(entry.collection)

        def progress(done: int) -> None:
            entry.progress = f"rebuilding, {done} of {expected} passages read"

        progress(0)
        changes = self._chunks.changes(entry.collection, after=-1)
        index, seq, recall = build_hybrid(entry.collection.embedder.dim, changes, progress)
        with entry.lock:
            entry.index, entry.recall = index, recall
            entry.seq = entry.built_seq = max(seq, 0)
            entry.saved_seq = -1
        log.info(
            "index rebuilt",
            collection=entry.collection.name,
            kind=index.dense.kind,
            passages=index.dense.live,
            recall=round(recall, 4),
            seconds=round(time.monotonic() - started, 2),
        )

    def _replay(self, entry: _Entry, index: HybridIndex) -> None:
        for change in self._chunks.changes(entry.collection, after=entry.seq):
            index.change(change)
            entry.seq = change.seq


def _key(collection: Collection) -> Key:
    return collection.id, collection.embedder
