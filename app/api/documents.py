"""Documents: list, read, download, delete."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse

from app.api import views
from app.api.deps import After, Limit, ServiceDep, TenantDep
from indexes.errors import DocumentNotFound

router = APIRouter(prefix="/documents", tags=["documents"])
# A browser must never run what somebody uploaded.
SANDBOX = {"Content-Security-Policy": "sandbox; default-src 'none'"}


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


@router.delete("/{document_id}", status_code=204)
def delete(document_id: str, service: ServiceDep, tenant: TenantDep) -> None:
    """At the reply the text can no longer be retrieved."""
    service.documents.delete(service.documents.get(tenant, document_id))
