"""Collections: create, list, describe, bind an adapter, delete."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from app.api import views
from app.api.deps import NAME, After, Limit, ServiceDep, Strict, TenantDep
from app.compose import Service
from app.generator import BASE
from indexes.errors import AdapterNotFound
from indexes.records import Collection

router = APIRouter(prefix="/collections", tags=["collections"])


class NewCollection(Strict):
    name: str = Field(pattern=NAME)
    description: str = Field("", max_length=2000)
    default_adapter: str | None = None


class OtherEmbedder(Strict):
    embedder: str | None = None


class Changes(Strict):
    description: str | None = Field(None, max_length=2000)
    default_adapter: str | None = None


@router.get("")
def collections(
    service: ServiceDep, tenant: TenantDep, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    service.collections.get(tenant, "default")  # it is always there
    found = service.collections.page(tenant, limit=limit, after=after)
    return views.page(found, lambda one: _view(service, one))


@router.post("", status_code=201)
def create(body: NewCollection, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    _check_adapter(service, tenant, body.default_adapter)
    made = service.collections.create(tenant, body.name, description=body.description)
    if body.default_adapter is not None:
        made = service.collections.update(made, {"default_adapter": _bound(body.default_adapter)})
    return _view(service, made)


@router.get("/{name}")
def collection(name: str, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    return _view(service, service.collections.get(tenant, name))


@router.patch("/{name}")
def change(name: str, body: Changes, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    """Fields that are not sent stay; ``default_adapter`` null or "base" unbinds it."""
    found = service.collections.get(tenant, name)
    changes = body.model_dump(exclude_unset=True)
    if "default_adapter" in changes:
        _check_adapter(service, tenant, body.default_adapter)
        changes["default_adapter"] = _bound(body.default_adapter)
    if changes.get("description", "") is None:
        changes["description"] = ""
    return _view(service, service.collections.update(found, changes) if changes else found)


@router.delete("/{name}", status_code=204)
def delete(name: str, service: ServiceDep, tenant: TenantDep) -> None:
    """Remove the collection and everything in it."""
    found = service.collections.get(tenant, name)
    service.collections.delete(found)
    service.live.forget(found)


@router.post("/{name}/reembed", status_code=202)
def re_embed(name: str, body: OtherEmbedder, service: ServiceDep, tenant: TenantDep) -> dict[str, str]:
    """Embed its passages anew with an embedder that SIMURGH_EMBEDDERS names, or with the service's own. The
    present one answers until all of them are there."""
    target = service.embedders.named(body.embedder).identity
    return {"job_id": service.re_embeddings.start(service.collections.get(tenant, name), target)}


def _view(service: Service, found: Collection) -> dict[str, Any]:
    return views.collection(found, service.collections.counts(found))


def _check_adapter(service: Service, tenant: str, name: str | None) -> None:
    """Raises AdapterNotFound: a collection never names an adapter that there is not."""
    if name is None or name == BASE:
        return
    try:
        service.adapters.get(tenant, name)
    except AdapterNotFound as error:
        raise AdapterNotFound(error.message, param="default_adapter") from error


def _bound(name: str | None) -> str | None:
    return None if name == BASE else name
