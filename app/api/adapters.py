"""Adapters: upload, list, describe, delete."""

import re
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile

from app.api import views
from app.api.deps import NAME, After, Limit, ServiceDep, TenantDep
from indexes.errors import InvalidRequest
from indexes.paging import paged

router = APIRouter(prefix="/adapters", tags=["adapters"])
MAX_FILES = 3


@router.post(
    "",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["name", "file"],
                        "properties": {
                            "name": {"type": "string"},
                            "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        },
                    }
                }
            },
        }
    },
)
async def upload(request: Request, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    """A PEFT LoRA as .zip or .tar.gz, or its .safetensors and adapter_config.json as two `file` parts.

    One that the engine will not load is kept as ``failed``, with its reason.
    """
    async with request.form(max_files=MAX_FILES) as form:
        unknown = set(form) - {"name", "file"}
        if unknown:
            name = sorted(unknown)[0]
            raise InvalidRequest(f"there is no field {name!r}: send name and file", param=name)
        name = str(form.get("name", ""))
        if not re.fullmatch(NAME, name):
            raise InvalidRequest(
                "name must be 1 to 64 letters, digits, '_', '-' or '.', beginning with a letter or digit",
                param="name",
            )
        files = [
            (part.filename or "", part.file) for part in form.getlist("file") if isinstance(part, UploadFile)
        ]
        if not files:
            raise InvalidRequest("no file was sent: add a part named `file`", param="file")
        return views.adapter(await service.adapters.upload(tenant, name, files))


@router.get("")
def adapters(
    service: ServiceDep, tenant: TenantDep, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    found = paged(list(service.adapters.list(tenant)), key=lambda one: one.name, limit=limit, after=after)
    return views.page(found, views.adapter)


@router.get("/{name}")
def adapter(name: str, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    return views.adapter(service.adapters.get(tenant, name))


@router.delete("/{name}", status_code=204)
def delete(name: str, service: ServiceDep, tenant: TenantDep) -> None:
    service.adapters.delete(tenant, name)
