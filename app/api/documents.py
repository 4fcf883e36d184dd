"""Documents: list, read, download, delete."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse
from pydantic import Field

from app.api import views
from app.api.deps import NAME, After, Limit, ServiceDep, Strict, Tag, TenantDep
from indexes.errors import DocumentNotFound

router = APIRouter(prefix="/documents", tags=["documents"])
deletions = APIRouter(prefix="/deletions", tags=["documents"])
PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
# A browser must never run what somebody uploaded.
SANDBOX = {"Content-Security-Policy": "sandbox; default-src 'none'"}


class Changes(Strict):
    name: str | None = Field(None, pattern=PRINTABLE, max_length=1000)
    tags: list[Tag] | None = None
    metadata: dict[str, Any] | None = None
    collection: str | None = Field(None, pattern=NAME)


@router.get("")
def documents(
    service: ServiceDep,
    tenant: TenantDep,
    collection: str = "default",
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    found = service.collections.get(tenant, collection)
    return views.page(service.documents.page(found, limit=limit, after=after), views.document)


@router.get("/{document_id}")
def document(document_id: str, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    return views.document(service.documents.get(tenant, document_id))


@router.get("/{document_id}/text", response_class=PlainTextResponse)
def text(document_id: str, service: ServiceDep, tenant: TenantDep) -> PlainTextResponse:
    """The stored text, in which all offsets count code points."""
    return PlainTextResponse(service.documents.text(service.documents.get(tenant, document_id)))


@router.get("/{document_id}/file", response_class=FileResponse)
def file(document_id: str, service: ServiceDep, tenant: TenantDep) -> FileResponse:
    """The bytes as they came, as a download."""
    found = service.documents.get(tenant, document_id)
    if found.sha256 is None:
        raise DocumentNotFound("nothing has been stored of this document yet")
    path = service.blobs.existing(found.sha256)
    headers = {**SANDBOX, "Content-Disposition": f"attachment; filename*=utf-8''{quote(found.name, safe='')}"}
    return FileResponse(path, media_type=found.media_type or "application/octet-stream", headers=headers)


@router.patch("/{document_id}")
def change(document_id: str, body: Changes, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    """Rename, tag anew, move to another collection: nothing is read or embedded again. Fields that are not
    sent stay."""
    found = service.documents.get(tenant, document_id)
    changes = {name: value for name, value in body.model_dump().items() if value is not None}
    target = changes.pop("collection", found.collection)
    if changes:
        service.moving.describe(found, changes)
    if target != found.collection:
        source, into = (service.collections.get(tenant, name) for name in (found.collection, target))
        service.moving.move(found, source, into)
    return views.document(service.documents.get(tenant, document_id))


@router.post("/{document_id}/refresh", status_code=202)
def refresh(document_id: str, service: ServiceDep, tenant: TenantDep) -> dict[str, str]:
    """Look at once whether the web page, API or query behind a document has changed."""
    found = service.documents.get(tenant, document_id)
    return {"job_id": service.jobs.refresh(service.collections.usable(tenant, found.collection), found)}


@router.delete("/{document_id}", status_code=204)
def delete(document_id: str, service: ServiceDep, tenant: TenantDep) -> None:
    """At the reply the text can no longer be retrieved."""
    service.documents.delete(service.documents.get(tenant, document_id))


@deletions.get("")
def deleted(
    service: ServiceDep,
    tenant: TenantDep,
    collection: str = "default",
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """What was deleted and since when nothing of it is left on the disk (``purged_at``), newest first."""
    found = service.collections.get(tenant, collection)
    return views.page(service.documents.deletions(found, limit=limit, after=after), views.deletion)
