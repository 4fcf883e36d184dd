"""The embedders that this process knows: its own, and others that are loaded when they are first needed."""

import threading
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

from indexes.embedder import Embedder
from indexes.errors import EmbedderMismatch, InvalidRequest
from indexes.records import EmbedderIdentity


@dataclass(frozen=True, kw_only=True)
class Offer:
    """An embedder that could be loaded."""

    id: str  # of its identity: tells without loading it that it is not the one that is looked for
    load: Callable[[], Embedder]  # may raise Unavailable


class Embedders:
    def __init__(self, own: Embedder, others: Mapping[str, Offer] | None = None) -> None:
        """``own`` is that of new collections; ``others`` by name."""
        self.own = own
        self._others = others or {}
        self._loaded: dict[str, Embedder] = {}
        self._lock = threading.Lock()  # one is loaded at a time, and once

    def of(self, identity: EmbedderIdentity) -> Embedder:
        """Raises EmbedderMismatch where none has that identity, Unavailable."""
        if self.own.identity == identity:
            return self.own
        for name, offer in self._others.items():
            if offer.id == identity.id and (found := self._load(name, offer)).identity == identity:
                return found
        raise EmbedderMismatch(
            f"it was embedded with {identity.id} ({identity.dim} dimensions, prompts "
            f"{identity.query_prompt!r} / {identity.passage_prompt!r}), which this service does not know: "
            "name that model in SIMURGH_EMBEDDERS, or re-embed the collection: `simurgh models re-embed`",
            param="collection",
        )

    def knows(self, identity: EmbedderIdentity) -> bool:
        """Raises Unavailable where that cannot be told now."""
        try:
            self.of(identity)
        except EmbedderMismatch:
            return False
        return True

    def named(self, name: str | None) -> Embedder:
        """None names the own one. Raises InvalidRequest, Unavailable."""
        if name is None:
            return self.own
        if name not in self._others:
            known = ", ".join(sorted(self._others)) or "none"
            raise InvalidRequest(
                f"SIMURGH_EMBEDDERS names no embedder {name!r} (known: {known}); leave it out for the "
                "service's own",
                param="embedder",
            )
        return self._load(name, self._others[name])

    def release(self, needed: Container[EmbedderIdentity]) -> None:
        """Let go of those that were loaded and are needed no more."""
        with self._lock:
            self._loaded = {name: one for name, one in self._loaded.items() if one.identity in needed}

    def _load(self, name: str, offer: Offer) -> Embedder:
        if (found := self._loaded.get(name)) is not None:
            return found
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = offer.load()
            return self._loaded[name]
