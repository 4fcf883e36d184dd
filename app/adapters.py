"""Adapters from upload to use: checked, stored immutably, loaded by the engine, then chosen by name."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import BinaryIO

import structlog

from app.adapter_intake import AdapterIntake
from app.adapter_store import AdapterStore
from app.canary import prove, read_canary
from app.generator import BASE, Generator, LoadedAdapter, Scorer
from indexes.adapters import Adapters
from indexes.errors import (
    AdapterNotFound,
    AdapterNotReady,
    EngineUnavailable,
    InvalidAdapter,
    UpstreamFailed,
)
from indexes.records import Adapter, Collection

log = structlog.get_logger()


class AdapterRegistry:
    def __init__(
        self,
        adapters: Adapters,
        store: AdapterStore,
        intake: AdapterIntake,
        generator: Generator,
        scorer: Scorer | None,
    ) -> None:
        """Without a ``scorer`` nothing is proven."""
        self._adapters = adapters
        self._store = store
        self._intake = intake
        self._generator = generator
        self._scorer = scorer
        self._in_engine: set[int] = set()  # numbers that the generator has accepted in this process
        self._loading = asyncio.Lock()
        self._being_loaded: set[int] = set()  # and proven: once is enough

    async def upload(self, tenant: str, name: str, files: Sequence[tuple[str, BinaryIO]]) -> Adapter:
        """Take in and load. Raises InvalidAdapter, TooLarge, AlreadyExists, StorageFull."""
        adapter = await asyncio.to_thread(self._intake.keep, tenant, name, files)
        return adapter if adapter.status == "ready" else await self.load(tenant, adapter)

    async def load(self, tenant: str, adapter: Adapter) -> Adapter:
        """Have the engine load it, and record how that went; it stays ``loading`` while no engine is up."""
        self._being_loaded.add(adapter.number)
        try:
            return await self._load(tenant, adapter)
        finally:
            self._being_loaded.discard(adapter.number)

    async def _load(self, tenant: str, adapter: Adapter) -> Adapter:
        try:
            await self._into_engine(adapter)
            proof = await self._proven(adapter)
        except EngineUnavailable:
            return adapter
        except (InvalidAdapter, UpstreamFailed) as error:
            return await self._failed(adapter, error.message)
        await asyncio.to_thread(self._adapters.set_status, adapter.number, "ready", None, proof)
        versions = await asyncio.to_thread(self._adapters.named, tenant, adapter.name)
        await asyncio.to_thread(
            self._adapters.delete, [one.number for one in versions if one.number < adapter.number]
        )
        return replace(adapter, status="ready", proof=proof)

    async def load_waiting(self, tenant: str) -> None:
        """Load what was uploaded while no engine was up."""
        for adapter in await asyncio.to_thread(self._adapters.list, tenant):
            if adapter.status == "loading" and adapter.number not in self._being_loaded:
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

    async def _proven(self, adapter: Adapter) -> dict[str, float] | None:
        loaded = self.loaded(adapter)
        rows = await asyncio.to_thread(read_canary, loaded.folder)
        if self._scorer is None or not rows:
            return None
        return asdict(await prove(self._scorer, loaded, rows))


def _answering(versions: Sequence[Adapter]) -> Adapter:
    """Of one name's versions, oldest first: the newest that is ready, else the newest."""
    return next((one for one in reversed(versions) if one.status == "ready"), versions[-1])
