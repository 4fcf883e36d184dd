"""What a store holds now: what changed is to be read, what did not is not even opened."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from indexes.blobs import Blobs
from indexes.errors import FetchFailed, TooLarge
from indexes.pulls import item_source
from indexes.records import Item, Kept, Known, LeftOut, Moved, NewDocument, Pull
from ingest.extract import clean
from ingest.globs import matches
from ingest.stores import Entry, Store, named


class StoreContents:
    """Files of a folder or bucket; their bytes are copied when they are worked on."""

    def __init__(self, stores: Mapping[str, Store], blobs: Blobs, *, max_bytes: int) -> None:
        self._stores = stores
        self._blobs = blobs
        self._max_bytes = max_bytes

    def of(self, pull: Pull, known: Mapping[str, Known]) -> Iterator[Item]:
        spec = pull.source.spec
        store = named(self._stores, spec["store"])
        top = f"{spec['path']}/" if spec["path"] else ""
        entries: dict[str, Entry] = {}  # by the key of the item
        kept: set[str] = set()
        for one in store.entries(spec["path"]):
            if isinstance(one, LeftOut):
                yield one
                key = item_source(pull.key, one.name.removeprefix(top))
                kept |= {source for source in known if source == key or _within(source, key)}
            elif matches(one.path.removeprefix(top), spec["match"]):
                entries[item_source(pull.key, one.path.removeprefix(top))] = one
        for source in kept - set(entries):
            yield Kept(source=source, seen=False)
        missing = _by_size({key: one for key, one in known.items() if key not in entries and key not in kept})
        for source, entry in entries.items():
            was = known.get(source)
            if was is not None and self._unchanged(was, entry):
                yield Kept(source=source, seen=was.status == "done")
                continue
            item = _document(source, entry, spec["store"], pull.source.tags)
            moved = None if was else self._moved(store, entry, missing[str(entry.size)])
            yield item if moved is None else Moved(document_id=moved.document_id, item=item)

    def _unchanged(self, was: Known, entry: Entry) -> bool:
        if was.error_code == TooLarge.code and entry.size <= self._max_bytes:
            return False  # more is taken than before
        return bool(entry.validators) and was.validators == entry.validators

    def _moved(self, store: Store, entry: Entry, candidates: list[Known]) -> Known | None:
        """That of the documents which are gone whose bytes these are, if one is; it is so only once."""
        if not candidates or entry.size > self._max_bytes:
            return None
        try:
            copied = store.read(
                entry.path, lambda stream, size: self._blobs.put(stream, max_bytes=self._max_bytes, size=size)
            )
        except (FetchFailed, TooLarge):
            return None  # which is told when the document is worked on
        found = next((one for one in candidates if one.sha256 == copied.sha256), None)
        if found is not None:
            candidates.remove(found)
        return found


def _document(source: str, entry: Entry, store: str, tags: list[str]) -> NewDocument:
    uri = f"{store}:{entry.path}"
    return NewDocument(
        source=source,
        name=clean(entry.path.rpartition("/")[2]),
        origin={"kind": "store", "store": store, "path": entry.path, "uri": uri},
        tags=list(tags),
        validators=entry.validators,
    )


def _within(source: str, folder: str) -> bool:
    return folder.endswith("/") and source.startswith(folder)


def _by_size(missing: Mapping[str, Known]) -> dict[str, list[Known]]:
    found: dict[str, list[Known]] = defaultdict(list)
    for one in missing.values():
        if one.status == "done" and one.sha256 is not None and "size" in one.validators:
            found[one.validators["size"]].append(one)
    return found
