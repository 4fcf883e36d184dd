"""POST /ingest and the jobs that it starts."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, StringConstraints, ValidationError
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.datastructures import FormData, UploadFile

from app.api import errors, views
from app.api.deps import MAX_TAG, RequestIdDep, ServiceDep, Strict, Tag, TenantDep
from app.compose import Service
from indexes.errors import InvalidRequest, SimurghError
from indexes.turns import PRIORITIES, Priority
from ingest.handed import Payload
from ingest.jobs import File
from ingest.sources import Api, Database, Files, Site

router = APIRouter(tags=["ingest"])
FORM_FIELDS = {"file", "collection", "tags", "priority"}
MAX_FILES = 1000
MAX_SOURCES = 100
JOB_POLL = 0.3  # seconds
ENDED = ("succeeded", "failed", "cancelled")


class PayloadBody(Strict):
    id: str = Field(min_length=1, max_length=500)
    title: str | None = None
    text: str | None = None
    data: dict[str, Any] | list[Any] | None = None
    metadata: dict[str, Any] = {}


Path = Annotated[str, StringConstraints(min_length=1, max_length=500)]  # JSONPath, a column's name, a pattern
Names = Annotated[list[Path], Field(min_length=1, max_length=50)]


class ApiBody(Strict):
    url: str = Field(max_length=8000)
    headers: dict[str, str] = Field({}, max_length=50)
    items: Path = "$[*]"
    id: Path
    text: Names
    metadata: dict[str, Path] = Field({}, max_length=50)
    next: Path | None = None


class DatabaseBody(Strict):
    connection: str = Field(min_length=1, max_length=100)
    query: str = Field(max_length=20_000)
    id: Path
    text: Names
    metadata: list[Path] = Field([], max_length=50)


class StoreBody(Strict):
    store: str = Field(min_length=1, max_length=100)
    path: str = Field("", max_length=1000)
    match: list[Path] = Field([], max_length=50)
    watch: bool = False


Pattern = Annotated[str, StringConstraints(pattern="^[/*]", max_length=500)]  # of a path


class SiteBody(Strict):
    url: str = Field(max_length=2000)
    depth: int = Field(5, ge=0, le=100)
    max_pages: int = Field(1000, ge=1)
    include: list[Pattern] = Field([], max_length=50)
    exclude: list[Pattern] = Field([], max_length=50)
    sitemap: bool = True


class IngestBody(Strict):
    collection: str = "default"
    tags: list[Tag] = []
    urls: list[str] = Field([], max_length=MAX_FILES)
    payloads: list[PayloadBody] = Field([], max_length=MAX_FILES)
    apis: list[ApiBody] = Field([], max_length=MAX_SOURCES)
    databases: list[DatabaseBody] = Field([], max_length=MAX_SOURCES)
    stores: list[StoreBody] = Field([], max_length=MAX_SOURCES)
    crawls: list[SiteBody] = Field([], max_length=MAX_SOURCES)
    refresh: str | None = None
    priority: Priority = "normal"


@router.post(
    "/ingest",
    status_code=202,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": IngestBody.model_json_schema()},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {
                            "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
                            "collection": {"type": "string"},
                            "tags": {"type": "array", "items": {"type": "string"}},
                            "priority": {"enum": list(PRIORITIES)},
                        },
                    }
                },
            },
        }
    },
)
async def ingest(request: Request, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    """Accept files (multipart), or URLs and payloads (JSON); the work is done by the worker."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=MAX_FILES) as form:
            return await _ingest_files(form, service, tenant)
    if kind != "application/json":
        raise InvalidRequest(
            "send multipart/form-data with `file`, or application/json", code="bad_content_type"
        )
    return await _ingest_json(await request.body(), service, tenant)


async def _ingest_files(form: FormData, service: Service, tenant: str) -> dict[str, Any]:
    unknown = set(form) - FORM_FIELDS
    if unknown:
        name = sorted(unknown)[0]
        raise InvalidRequest(
            f"there is no field {name!r}: send file, collection, tags and priority", param=name
        )
    uploads = form.getlist("file")
    if not uploads:
        raise InvalidRequest("no file was sent: add a part named `file`", param="file")
    files = []
    for upload in uploads:
        if not isinstance(upload, UploadFile) or not upload.filename:
            raise InvalidRequest("`file` must be a file with a name", param="file")
        files.append(File(name=upload.filename, media_type=upload.content_type, stream=upload.file))
    values = form.getlist("tags")
    tags = [tag.strip() for value in values for tag in str(value).split(",") if tag.strip()]
    if any(len(tag) > MAX_TAG for tag in tags):
        raise InvalidRequest(f"a tag may have {MAX_TAG} characters at most", param="tags")
    priority = form.get("priority", "normal")
    if priority not in PRIORITIES:
        raise InvalidRequest(f"`priority` must be one of {', '.join(PRIORITIES)}", param="priority")
    name = str(form.get("collection", "default"))
    collection = await asyncio.to_thread(service.collections.usable, tenant, name)
    submitted = await asyncio.to_thread(
        service.jobs.submit, collection, files=files, tags=tags, priority=priority
    )
    return views.accepted(*submitted)


async def _ingest_json(content: bytes, service: Service, tenant: str) -> dict[str, Any]:
    try:
        body = await asyncio.to_thread(IngestBody.model_validate_json, content)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
    if not (body.urls or body.payloads or body.apis or body.databases or body.stores or body.crawls):
        raise InvalidRequest(
            "nothing to ingest: send urls, crawls, payloads, apis, databases, stores, or files as multipart",
            param="urls",
        )
    collection = await asyncio.to_thread(service.collections.usable, tenant, body.collection)
    payloads = [Payload(**one.model_dump()) for one in body.payloads]
    return views.accepted(
        *await asyncio.to_thread(
            service.jobs.submit,
            collection,
            urls=body.urls,
            payloads=payloads,
            pulled=[
                *(Api(**one.model_dump()) for one in body.apis),
                *(Database(**one.model_dump()) for one in body.databases),
                *(Files(**one.model_dump()) for one in body.stores),
                *(Site(**one.model_dump()) for one in body.crawls),
            ],
            refresh=body.refresh,
            priority=body.priority,
            tags=body.tags,
        )
    )


@router.get("/jobs/{job_id}")
def job(job_id: str, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    return views.job(service.queue.job(tenant, job_id))


@router.delete("/jobs/{job_id}")
def cancel(job_id: str, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    """Cancel what has not ended; documents already committed stay."""
    return views.job(service.queue.cancel(tenant, job_id))


@router.get("/jobs/{job_id}/events")
async def job_events(
    job_id: str, service: ServiceDep, tenant: TenantDep, request_id: RequestIdDep
) -> EventSourceResponse:
    """The job each time it changes, until it ends."""
    first = await asyncio.to_thread(service.queue.job, tenant, job_id)

    async def changes() -> AsyncGenerator[ServerSentEvent, None]:
        job, shown = first, ""
        while True:
            view = json.dumps(views.job(job), ensure_ascii=False)
            if view != shown:
                yield ServerSentEvent(event="job", data=view)
                shown = view
            if job.status in ENDED:
                return
            await asyncio.sleep(JOB_POLL)
            try:
                job = await asyncio.to_thread(service.queue.job, tenant, job_id)
            except SimurghError as error:  # its collection was deleted, or the database is away
                content = json.dumps(errors.body(error, request_id), ensure_ascii=False)
                yield ServerSentEvent(event="error", data=content)
                return

    return EventSourceResponse(changes())
