"""The HTTP application around a service."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.api import (
    adapters,
    ask,
    collections,
    compare,
    documents,
    errors,
    failures,
    feedback,
    files,
    fine_tuning,
    health,
    ingest,
    openai,
    sources,
    view,
    web,
)
from app.api.middleware import RequestEdge
from app.compose import Service
from app.metrics import Metrics
from app.settings import Settings

PARTS = (
    ask,
    compare,
    feedback,
    ingest,
    documents,
    view,
    sources,
    failures,
    collections,
    adapters,
    openai,
    files,
    fine_tuning,
    health,
)
FORM_OVERHEAD = 1 << 20  # bytes that a multipart body may take beyond its files


def create_application(settings: Settings, build: Callable[[], Awaitable[Service]]) -> FastAPI:
    """``build`` makes the service when the application starts, in its event loop."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        service = await build()
        service.metrics = metrics
        app.state.service = service
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = FastAPI(
        title="Simurgh",
        version="0.1.0",
        summary="Answers from your documents, in your domain's voice",
        lifespan=lifespan,
    )
    app.add_middleware(RequestEdge, max_body=(settings.max_upload_mib << 20) + FORM_OVERHEAD, metrics=metrics)
    errors.install(app)
    for part in PARTS:
        app.include_router(part.router)
    app.include_router(documents.deletions)
    web.install(app)
    return app
