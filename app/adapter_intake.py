"""The way in for adapters, uploaded or trained here: checked, stored immutably, and named in a row."""

import time
from collections.abc import Sequence
from typing import BinaryIO

from app.adapter_archive import unpack
from app.adapter_check import BaseModel, check
from app.adapter_store import AdapterStore
from app.canary import read_canary
from app.generator import BASE
from indexes.adapters import Adapters
from indexes.errors import AlreadyExists
from indexes.records import Adapter


class AdapterIntake:
    def __init__(self, adapters: Adapters, store: AdapterStore, base: BaseModel) -> None:
        self._adapters = adapters
        self._store = store
        self._base = base

    def keep(
        self, tenant: str, name: str, files: Sequence[tuple[str, BinaryIO]], *, source: str = "upload"
    ) -> Adapter:
        """Its row, ``loading``: whoever holds the engine loads it. The same content under the same name is
        the same adapter, however it is by now.

        Raises InvalidAdapter, TooLarge, AlreadyExists (for the reserved name), StorageFull.
        """
        if name == BASE:
            raise AlreadyExists(f"{BASE!r} is the name of the model without an adapter", param="name")
        with self._store.scratch() as scratch:
            unpack(files, scratch)
            facts = check(scratch, self._base)
            read_canary(scratch)
            sha256 = self._store.keep(scratch)
        for known in self._adapters.named(tenant, name):
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
            source=source,
            created_at=time.time(),
        )
        return self._adapters.add(tenant, row)
