"""The adapters' rows: desired state, to which every engine is reconciled."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Row, insert, select, update

from indexes import schema as s
from indexes.database import reading, writing
from indexes.records import Adapter


class Adapters:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, tenant: str, adapter: Adapter) -> Adapter:
        """Insert a row; ``adapter.number`` is ignored and given anew, never one used before."""
        row = {
            "tenant": tenant,
            "name": adapter.name,
            "sha256": adapter.sha256,
            "base_model": adapter.base_model,
            "rank": adapter.rank,
            "target_modules": adapter.target_modules,
            "status": adapter.status,
            "error": adapter.error,
            "source": adapter.source,
            "created_at": adapter.created_at,
        }
        with writing(self._engine) as db:
            return _record(db.execute(insert(s.adapters).values(row).returning(s.adapters)).one())

    def list(self, tenant: str | None) -> Sequence[Adapter]:
        """Live rows, oldest first; of every tenant for None."""
        query = select(s.adapters).where(s.adapters.c.deleted_at.is_(None)).order_by(s.adapters.c.number)
        if tenant is not None:
            query = query.where(s.adapters.c.tenant == tenant)
        with reading(self._engine) as db:
            return [_record(row) for row in db.execute(query)]

    def named(self, tenant: str, name: str) -> Sequence[Adapter]:
        """All live versions of a name, oldest first."""
        return [adapter for adapter in self.list(tenant) if adapter.name == name]

    def get(self, number: int) -> Adapter | None:
        """None where it was deleted."""
        query = select(s.adapters).where(s.adapters.c.number == number, s.adapters.c.deleted_at.is_(None))
        with reading(self._engine) as db:
            row = db.execute(query).one_or_none()
        return None if row is None else _record(row)

    def set_status(
        self, number: int, status: str, error: str | None = None, proof: Mapping[str, float] | None = None
    ) -> None:
        values = {"status": status, "error": error, "proof": proof}
        with writing(self._engine) as db:
            db.execute(update(s.adapters).where(s.adapters.c.number == number).values(values))

    def delete(self, numbers: Sequence[int]) -> None:
        """Tombstones: the folder stays until the engine that has seen it restarts."""
        with writing(self._engine) as db:
            db.execute(
                update(s.adapters).where(s.adapters.c.number.in_(numbers)).values(deleted_at=time.time())
            )


def _record(row: Row[Any]) -> Adapter:
    return Adapter(
        number=row.number,
        name=row.name,
        sha256=row.sha256,
        base_model=row.base_model,
        rank=row.rank,
        target_modules=row.target_modules,
        status=row.status,
        error=row.error,
        source=row.source,
        created_at=row.created_at,
        proof=row.proof,
    )
