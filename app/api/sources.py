"""Sources that are read again and again: listed, read at once, given up."""

from typing import Any

from fastapi import APIRouter

from app.api import views
from app.api.deps import ServiceDep, TenantDep

router = APIRouter(prefix="/sources", tags=["ingest"])


@router.get("")
def sources(service: ServiceDep, tenant: TenantDep, collection: str = "default") -> dict[str, Any]:
    """With when each was last read to its end, and why it could not be."""
    found = service.pulls.page(service.collections.get(tenant, collection))
    return {"data": [views.source_of_documents(one) for one in found], "has_more": False}


@router.post("/{source_id}/refresh", status_code=202)
def refresh(source_id: str, service: ServiceDep, tenant: TenantDep) -> dict[str, str]:
    return {"job_id": service.pulls.start(service.pulls.get(tenant, source_id), tenant)}


@router.delete("/{source_id}", status_code=204)
def forget(source_id: str, service: ServiceDep, tenant: TenantDep) -> None:
    """It is not read again; the documents that it brought stay."""
    service.pulls.forget(service.pulls.get(tenant, source_id))
