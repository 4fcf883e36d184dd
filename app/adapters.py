"""Adapters from upload to use: checked, stored immutably, loaded by the engine, then chosen by name."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

import structlog

from app.adapter_archive import unpack
from app.adapter_check import AdapterFacts, BaseModel, check
from app.adapter_store import AdapterStore
from app.generator import Generator, LoadedAdapter
from indexes.adapters import Adapters
from indexes.errors import (
    AdapterNotFound,
    AdapterNotReady,
    AlreadyExists,
    EngineUnavailable,
    InvalidAdapter,
    UpstreamFailed,
)
from indexes.records import Adapter, Collection

BASE = "base"  # the name that asks for no adapter
log = structlog.get_logger()


class AdapterRegistry:
    def __init__(
        self, adapters: Adapters, store: AdapterStore, generator: Generator, base: BaseModel
    ) -> None:
        self._adapters = adapters
        self._store = store
        self._generator = generator
        self._base = base
        self._in_engine: set[int] = set()  # numbers that the generator has accepted in this process
        self._loading = asyncio.Lock()

    async def upload(self, tenant: str, name: str, files: Sequence[tuple[str, BinaryIO]]) -> Adapter:
        """Check, store and load. The same content under the same name is the same adapter.

        Raises InvalidAdapter, TooLarge, AlreadyExists (for the reserved name), StorageFull.
        """
        if name == BASE:
            raise AlreadyExists(f"{BASE!r} is the name of the model without an adapter", param="name")
        sha256, facts = await asyncio.to_thread(self._store_checked, files)
        for known in await asyncio.to_thread(self._adapters.named, tenant, name):
            if known.sha256 == sha256 and known.status != "failed":
                return known
        row = Adapter(
            number=0,
            name=name,
            sha256=sha256,
            base_model=self._base.id,
            rank=facts.rank,
            target_modules=facts.target_modules,
            status="loading",
            error=None,
            source="upload",
            created_at=time.time(),
        )
        added = await asyncio.to_thread(self._adapters.add, tenant, row)
        return await self.load(tenant, added)

    async def load(self, tenant: str, adapter: Adapter) -> Adapter:
        """Have the engine load it, and record how that went; it stays ``loading`` while no engine is up."""
        try:
            await self._into_engine(adapter)
        except EngineUnavailable:
            return adapter
        except (InvalidAdapter, UpstreamFailed) as error:
            return await self._failed(adapter, error.message)
        await asyncio.to_thread(self._adapters.set_status, adapter.number, "ready")
        versions = await asyncio.to_thread(self._adapters.named, tenant, adapter.name)
        await asyncio.to_thread(
            self._adapters.delete, [one.number for one in versions if one.number < adapter.number]
        )
        return replace(adapter, status="ready")

    async def load_waiting(self, tenant: str) -> None:
        """Load what was uploaded while no engine was up."""
        for adapter in await asyncio.to_thread(self._adapters.list, tenant):
            if adapter.status == "loading":
                await self.load(tenant, adapter)

    async def chosen(self, tenant: str, name: str | None, collection: Collection) -> Adapter | None:
        """The adapter that must answer, loaded; None for the base. Never another than the one asked for.

        Raises AdapterNotFound, AdapterNotReady, EngineUnavailable.
        """
        if name is None:
            name = collection.default_adapter or BASE
        if name == BASE:
            return None
        adapter = await asyncio.to_thread(self.get, tenant, name)
        if adapter.status != "ready":
            raise AdapterNotReady(
                f"adapter {name!r} is {adapter.status}: {adapter.error or 'wait until it is ready'}",
                param="adapter",
            )
        try:
            await self._into_engine(adapter)
        except InvalidAdapter as error:  # an engine started since does not take it
            await self._failed(adapter, error.message)
            raise AdapterNotReady(f"adapter {name!r} is failed: {error.message}", param="adapter") from error
        return adapter

    def get(self, tenant: str, name: str) -> Adapter:
        """The version of a name that answers: the newest that is ready, else the newest. AdapterNotFound."""
        versions = self._adapters.named(tenant, name)
        if not versions:
            raise AdapterNotFound(f"there is no adapter {name!r}: see GET /adapters", param="adapter")
        return _answering(versions)

    def list(self, tenant: str) -> Sequence[Adapter]:
        """One version a name, as `get` gives it."""
        names: dict[str, list[Adapter]] = {}
        for adapter in self._adapters.list(tenant):
            names.setdefault(adapter.name, []).append(adapter)
        return [_answering(versions) for versions in names.values()]

    def delete(self, tenant: str, name: str) -> None:
        """Raises AdapterNotFound."""
        self.get(tenant, name)
        self._adapters.delete([one.number for one in self._adapters.named(tenant, name)])

    def dropped(self, adapter: Adapter) -> None:
        """The engine does not know it any more: it is loaded anew before its next use."""
        self._in_engine.discard(adapter.number)

    def loaded(self, adapter: Adapter) -> LoadedAdapter:
        return LoadedAdapter(
            name=f"{adapter.name}@{adapter.sha256[:12]}",
            number=adapter.number,
            folder=self._store.folder(adapter.sha256),
        )

    async def _into_engine(self, adapter: Adapter) -> None:
        if adapter.number in self._in_engine:
            return
        async with self._loading:
            if adapter.number in self._in_engine:  # another request was first
                return
            await self._generator.load_adapter(self.loaded(adapter))
            self._in_engine.add(adapter.number)

    async def _failed(self, adapter: Adapter, reason: str) -> Adapter:
        log.warning("adapter failed", adapter=adapter.name, number=adapter.number, error=reason)
        await asyncio.to_thread(self._adapters.set_status, adapter.number, "failed", reason)
        return replace(adapter, status="failed", error=reason)

    def _store_checked(self, files: Sequence[tuple[str, BinaryIO]]) -> tuple[str, AdapterFacts]:
        with self._store.scratch() as scratch:
            unpack(files, scratch)
            facts = check(scratch, self._base)
            return self._store.keep(scratch), facts


def _answering(versions: Sequence[Adapter]) -> Adapter:
    """Of one name's versions, oldest first: the newest that is ready, else the newest."""
    return next((one for one in reversed(versions) if one.status == "ready"), versions[-1])
