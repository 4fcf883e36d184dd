"""OpenAI's files: what is trained on, and what trainings have to show."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from starlette.datastructures import UploadFile

from app.api.deps import After, ServiceDep, TenantDep
from indexes.errors import InvalidRequest
from indexes.tuning_records import TrainingFile

router = APIRouter(prefix="/v1/files", tags=["fine-tuning"])
TRAINING = "fine-tune"  # the one purpose that files are taken for
FIELDS = {"file", "purpose"}


@router.post(
    "",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file", "purpose"],
                        "properties": {
                            "file": {"type": "string", "format": "binary"},
                            "purpose": {"type": "string", "enum": [TRAINING]},
                        },
                    }
                }
            },
        }
    },
)
async def upload(request: Request, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    """Examples as JSONL or CSV. What is in it is looked at when a job begins."""
    async with request.form(max_files=1) as form:
        if unknown := sorted(set(form) - FIELDS):
            raise InvalidRequest(f"there is no field {unknown[0]!r}: send file and purpose", param=unknown[0])
        if form.get("purpose") != TRAINING:
            raise InvalidRequest(f"purpose must be {TRAINING!r}: nothing else is kept here", param="purpose")
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidRequest("no file was sent: add a part named `file`", param="file")
        limit = service.settings.max_upload_mib << 20
        sha256 = await asyncio.to_thread(service.blobs.put, file.file, max_bytes=limit, size=file.size or 0)
        made = await asyncio.to_thread(
            service.training_files.add,
            tenant,
            name=file.filename or "examples.jsonl",
            purpose=TRAINING,
            sha256=sha256,
            size=service.blobs.path(sha256).stat().st_size,
        )
    return _view(made)


@router.get("")
def files(
    service: ServiceDep,
    tenant: TenantDep,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    after: After = None,
    purpose: str | None = None,
    order: Literal["asc", "desc"] = "desc",
) -> dict[str, Any]:
    found = service.training_files.page(
        tenant, purpose=purpose, limit=limit, after=after, newest_first=order == "desc"
    )
    return openai_page([_view(one) for one in found.data], has_more=found.has_more)


@router.get("/{file_id}")
def file(file_id: str, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    return _view(service.training_files.get(tenant, file_id))


@router.get("/{file_id}/content", response_class=FileResponse)
def content(file_id: str, service: ServiceDep, tenant: TenantDep) -> FileResponse:
    """As a download: whatever it is, no browser shows it as ours."""
    found = service.training_files.get(tenant, file_id)
    return FileResponse(
        service.blobs.existing(found.sha256),
        media_type="application/octet-stream",
        filename=found.name,
        headers={"X-Content-Type-Options": "nosniff"},
    )


@router.delete("/{file_id}")
def delete(file_id: str, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    service.training_files.delete(tenant, file_id)
    return {"id": file_id, "object": "file", "deleted": True}


def openai_page(data: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """A list in OpenAI's form; its clients ask on after the last id."""
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
    return {"object": "list", "data": data, "has_more": has_more, **ends}


def _view(found: TrainingFile) -> dict[str, Any]:
    return {
        "id": found.id,
        "object": "file",
        "bytes": found.bytes,
        "created_at": int(found.created_at),
        "filename": found.name,
        "purpose": found.purpose,
        "status": "processed",
        "status_details": None,
        "expires_at": None,
    }
