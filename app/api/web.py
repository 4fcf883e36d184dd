"""The chat page and its files."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

import app.web

router = APIRouter(include_in_schema=False)
FOLDER = Path(app.web.__path__[0])


@router.get("/")
def page() -> FileResponse:
    return FileResponse(FOLDER / "index.html", headers={"Cache-Control": "no-cache"})


def install(application: FastAPI) -> None:
    application.include_router(router)
    application.mount("/static", StaticFiles(directory=FOLDER), name="static")
