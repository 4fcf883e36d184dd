"""The pages and their files."""

import os
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

import app.web

router = APIRouter(include_in_schema=False)
SUFFIXES = (".js", ".css", ".svg")
FOLDER = Path(app.web.__path__[0])


@router.get("/")
def chat() -> FileResponse:
    return _page("index.html")


@router.get("/tuning")
def tuning() -> FileResponse:
    return _page("tuning.html")


def _page(name: str) -> FileResponse:
    return FileResponse(FOLDER / name, headers={"Cache-Control": "no-cache"})


class PageFiles(StaticFiles):
    """Those that pages load, not the package around them."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        return super().lookup_path(path) if path.endswith(SUFFIXES) else ("", None)


def install(application: FastAPI) -> None:
    application.include_router(router)
    application.mount("/static", PageFiles(directory=FOLDER), name="static")
