"""Documents handed in become versions to work on, in the caller's transaction and its lock."""

import time
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update

from indexes import schema as s
from indexes.endings import end_versions, end_waiting
from indexes.identity import AT_ONCE, Holdings, revalidate, seen
from indexes.records import Collection, JobDocument, NewDocument


def enter(
    db: Connection, collection: Collection, job_id: str, new: Sequence[NewDocument], *, priority: int
) -> tuple[list[JobDocument], list[str]]:
    """Documents into a job that counts them already; with them the ids of versions to work on."""
    now = time.time()
    holdings = Holdings(db, collection, new)
    documents: list[JobDocument] = []
    versions: dict[str, dict[str, Any]] = {}  # rows to be, by document: the last of a source counts
    replaced: list[dict[str, Any]] = []  # those that another of the same job has made pointless
    version_ids: list[str] = []
    unchanged = 0
    for ordinal, item in enumerate(new):
        same = holdings.same_bytes(item)
        if same is not None:
            documents.append(_job_document(same, item.name, "unchanged"))
            unchanged += 1
            continue
        document_id = holdings.document_for(item, now)
        version_id = uuid.uuid4().hex
        if document_id in versions:
            replaced.append({**versions[document_id], "status": "replaced", "finished_at": now})
        versions[document_id] = {
            "id": version_id,
            "document_id": document_id,
            "job_id": job_id,
            "ordinal": ordinal,
            "tenant": collection.tenant,
            "priority": priority,
            "status": "queued",
            "origin": item.origin,
            "sha256": item.sha256,
            "title": item.title,
            "validators": dict(item.validators) or None,
            "created_at": now,
            "finished_at": None,
        }
        documents.append(_job_document(document_id, item.name, "queued"))
        version_ids.append(version_id)
    ended = Counter({job_id: unchanged + len(replaced)})  # versions, by job
    known = list(versions)
    for at in range(0, len(known), AT_ONCE):
        # A newer version of the same source makes the waiting ones pointless.
        ended += end_waiting(db, s.versions.c.document_id.in_(known[at : at + AT_ONCE]), "replaced")
    _write(db, collection, holdings, [*replaced, *versions.values()])
    end_versions(db, {**ended, job_id: ended[job_id]})
    return documents, version_ids


def _write(
    db: Connection, collection: Collection, holdings: Holdings, versions: Sequence[dict[str, Any]]
) -> None:
    if holdings.new:
        db.execute(insert(s.documents).values(collection_id=collection.id), holdings.new)
    if holdings.described:
        described = update(s.documents).where(s.documents.c.id == bindparam("_id"))
        db.execute(described, holdings.described)
    seen(db, holdings.seen)
    for document_id, (sha256, validators) in holdings.validators.items():
        revalidate(db, document_id, validators, sha256=sha256)
    if versions:
        db.execute(insert(s.versions), versions)


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
