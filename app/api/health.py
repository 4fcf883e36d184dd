"""Liveness, readiness, metrics."""

import shutil
import time
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse

from app.api.deps import ServiceDep, TenantDep
from app.compose import Service
from app.compose_worker import heartbeat_file
from app.memory import taken
from indexes.database import reading
from indexes.errors import SimurghError
from indexes.figures import figures

router = APIRouter(tags=["run"])
WORKER_SILENCE = 15.0  # seconds after which a worker counts as gone
NEEDED = ("database", "engine")  # to answer
LEAST_FREE = 64 << 20  # bytes


@router.get("/health/live")
def live() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/health/ready")
def ready(service: ServiceDep) -> JSONResponse:
    """503 with what is missing. A missing worker or a full disk delays ingestion but not answers: they are
    only reported."""
    parts = {
        "database": _database(service),
        "engine": _engine(service),
        "worker": _worker(service),
        "storage": _storage(service),
    }
    missing = [name for name in NEEDED if parts[name]["status"] != "ok"]
    content = {"status": "not_ready" if missing else "ok", "missing": missing, "parts": parts}
    process = service.parts.process
    headers = {"Retry-After": str(process.retry_after)} if missing and process else {}
    return JSONResponse(content, 503 if missing else 200, headers)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(service: ServiceDep, _tenant: TenantDep) -> PlainTextResponse:
    gauges = service.metrics
    depth, age = service.queue.depth()
    gauges.queue_depth.set(depth)
    gauges.queue_age.set(age)
    gauges.store(figures(service.database))
    gauges.disk_free.set(shutil.disk_usage(service.settings.data_dir).free)
    gauges.memory.set(taken())
    process = service.parts.process
    if process is not None:
        gauges.engine_up.set(process.state == "ready")
        gauges.engine_restarts.set(process.restarts)
    return PlainTextResponse(gauges.exposition(), media_type="text/plain; version=0.0.4")


def _database(service: Service) -> dict[str, Any]:
    try:
        with reading(service.database) as db:
            db.exec_driver_sql("SELECT 1")
    except SimurghError as error:
        return {"status": "failed", "reason": error.message}
    return {"status": "ok"}


def _engine(service: Service) -> dict[str, Any]:
    process = service.parts.process
    if process is None:
        return {"status": "ok", "reason": "remote"}
    status = "ok" if process.state == "ready" else process.state
    return {"status": status, "reason": process.reason, "restarts": process.restarts}


def _storage(service: Service) -> dict[str, Any]:
    free = shutil.disk_usage(service.settings.data_dir).free
    if free >= LEAST_FREE:
        return {"status": "ok"}
    return {
        "status": "full",
        "reason": f"{free >> 20} MiB are free: ingestion waits until there is space, and goes on by itself",
    }


def _worker(service: Service) -> dict[str, Any]:
    try:
        silence = time.time() - heartbeat_file(service.settings).stat().st_mtime
    except OSError:
        return {"status": "missing", "reason": "no worker has reported: start one with `simurgh worker`"}
    return {"status": "ok" if silence < WORKER_SILENCE else "missing"}
