"""Files that are trained on, and what trainings have to show; their bytes lie among the documents' own."""

import time
import uuid
from typing import Any

from sqlalchemy import Engine, Row, delete, insert, or_, select

from indexes import schema as s
from indexes.database import reading, writing
from indexes.errors import Conflict, TrainingFileNotFound
from indexes.paging import page_of
from indexes.records import Page
from indexes.tuning_records import TrainingFile
from indexes.tunings import UNENDED

F = s.training_files


class TrainingFiles:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, tenant: str, *, name: str, purpose: str, sha256: str, size: int) -> TrainingFile:
        """``sha256``: of bytes that are stored already; ``size`` in bytes."""
        row = {
            "id": f"file-{uuid.uuid4().hex}",
            "tenant": tenant,
            "name": name,
            "purpose": purpose,
            "sha256": sha256,
            "bytes": size,
            "created_at": time.time(),
        }
        with writing(self._engine) as db:
            return _record(db.execute(insert(F).values(row).returning(F)).one())

    def get(self, tenant: str, file_id: str, *, param: str | None = None) -> TrainingFile:
        """Raises TrainingFileNotFound."""
        with reading(self._engine) as db:
            row = db.execute(select(F).where(F.c.tenant == tenant, F.c.id == file_id)).one_or_none()
        if row is None:
            raise TrainingFileNotFound(f"there is no file {file_id!r}: see GET /v1/files", param=param)
        return _record(row)

    def page(
        self, tenant: str, *, purpose: str | None, limit: int, after: str | None, newest_first: bool
    ) -> Page[TrainingFile]:
        """Raises InvalidRequest."""
        query = select(F).where(F.c.tenant == tenant)
        if purpose is not None:
            query = query.where(F.c.purpose == purpose)
        with reading(self._engine) as db:
            rows = page_of(
                db,
                query,
                moment=F.c.created_at,
                id_=F.c.id,
                limit=limit,
                after=after,
                what="file",
                newest_first=newest_first,
            )
        return rows.of(_record)

    def delete(self, tenant: str, file_id: str) -> None:
        """Its bytes go with the next purge. Raises TrainingFileNotFound, Conflict while a tuning reads it."""
        self.get(tenant, file_id)
        t = s.tunings.c
        using = select(t.id).where(
            t.status.in_(UNENDED), or_(t.training_file == file_id, t.validation_file == file_id)
        )
        with writing(self._engine) as db:
            if (tuning := db.execute(using.limit(1)).scalar()) is not None:
                raise Conflict(f"{tuning} is using it: cancel that or wait for its end", code="file_in_use")
            db.execute(delete(F).where(F.c.tenant == tenant, F.c.id == file_id))


def _record(row: Row[Any]) -> TrainingFile:
    return TrainingFile(
        id=row.id,
        name=row.name,
        purpose=row.purpose,
        sha256=row.sha256,
        bytes=row.bytes,
        created_at=row.created_at,
    )
