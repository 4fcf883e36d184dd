"""Documents handed in become versions to work on, in the caller's transaction and its lock."""

import time
import uuid
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, insert

from indexes import schema as s
from indexes.endings import end_versions, end_waiting
from indexes.identity import document_for, same_bytes
from indexes.records import Collection, JobDocument, NewDocument


def enter(
    db: Connection, collection: Collection, job_id: str, new: Sequence[NewDocument]
) -> tuple[list[JobDocument], list[str]]:
    """Documents into a job that counts them already; with them the ids of versions to work on."""
    now = time.time()
    documents: list[JobDocument] = []
    ended = Counter({job_id: 0})  # versions, by job
    version_ids: list[str] = []
    for ordinal, item in enumerate(new):
        same = same_bytes(db, collection, item)
        if same is not None:
            documents.append(_job_document(same, item.name, "unchanged"))
            ended[job_id] += 1
            continue
        document_id = document_for(db, collection, item, now)
        # A newer version of the same source makes the waiting ones pointless.
        ended += end_waiting(db, s.versions.c.document_id == document_id, "replaced")
        version_id = uuid.uuid4().hex
        db.execute(
            insert(s.versions).values(
                id=version_id,
                document_id=document_id,
                job_id=job_id,
                ordinal=ordinal,
                status="queued",
                origin=item.origin,
                sha256=item.sha256,
                title=item.title,
                validators=dict(item.validators) or None,
                created_at=now,
            )
        )
        documents.append(_job_document(document_id, item.name, "queued"))
        version_ids.append(version_id)
    end_versions(db, ended)
    return documents, version_ids


def _job_document(document_id: str, name: str, status: str) -> JobDocument:
    return JobDocument(
        document_id=document_id,
        name=name,
        status=status,
        pages=None,
        unread_pages=(),
        chunks=0,
        error=None,
        error_code=None,
    )
