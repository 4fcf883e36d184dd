"""Documents that failed: why, and once more."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from app.api import views
from app.api.deps import After, Limit, ServiceDep, Strict, TenantDep

router = APIRouter(prefix="/failures", tags=["ingest"])
MAX_DOCUMENTS = 1000


class Retry(Strict):
    collection: str = "default"
    documents: list[str] | None = Field(None, min_length=1, max_length=MAX_DOCUMENTS)


@router.get("")
def failures(
    service: ServiceDep,
    tenant: TenantDep,
    collection: str = "default",
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """Documents whose last reading failed, newest first. What answered before it still answers."""
    found = service.collections.get(tenant, collection)
    return views.page(service.failures.page(found, limit=limit, after=after), views.failure)


@router.post("/retry", status_code=202)
def retry(body: Retry, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    """Read them again, as when what they lacked is there now; all of them where none are named."""
    found = service.collections.usable(tenant, body.collection)
    max_queued = service.settings.max_queued_jobs
    return views.accepted(*service.failures.retry(found, body.documents, max_queued=max_queued))
