"""Who may import whom, and that importing does nothing."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "evaluation", "indexes", "ingest", "tuning")

FORBIDDEN = {
    "indexes": ("app", "evaluation", "ingest", "tuning"),
    "ingest": ("app", "evaluation", "tuning"),
    "app": ("evaluation", "tuning"),
    "evaluation": ("tuning",),
}
OWN_COMMANDS: dict[str, tuple[str, ...]] = {  # modules of the app that may import these
    "app.api.compare": ("evaluation", "tuning.cost"),
    "app.cli.compare": ("evaluation", "tuning.cost"),
    "app.cli.evaluate": ("evaluation",),
    "app.cli.make": ("tuning",),
    "app.cli.self_edit": ("evaluation.jsonl", "evaluation.own", "tuning"),
    "app.cli.training": ("tuning",),
    "app.cli.tune": ("tuning",),
    "app.compose_tuner": ("tuning",),
}
INGEST_USERS = {  # modules of the app that may import these of ingest; None for any
    "app.compose": None,  # the composition root builds everything
    "app.compose_worker": None,
    "app.api.ingest": {"ingest.handed", "ingest.jobs", "ingest.sources"},  # the route hands sources in
    "app.settings": {"ingest.stores"},  # what no store can be is refused at the start
}
HTTP_CLIENTS = {"httpx", "requests", "urllib.request", "urllib3", "aiohttp", "http.client"}
HTTP_USERS = {  # modules, or packages with all below them, and why
    "ingest.fetch": "the one that reaches addresses given by users, behind its guard",
    "app.engine": "engines at addresses that the operator sets",
    "app.cli": "the service's own door",
    "evaluation": "a service in this process",
    "indexes.remote_embedder": "an embeddings endpoint at an address that the operator sets",
}
ENGINE_ONLY = {
    "app.engine.lora"
}  # imports the engine's own libraries, which write caches; its process loads it
TRAINING = {"peft", "trl", "datasets", "accelerate"}

GUARD = """
import importlib, os, sys

def watch(event, arguments):
    if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        if arguments[0] != os.devnull:
            found.append((module, event, str(arguments[0])))
    elif event == "open" and str(arguments[0]).endswith(".env"):
        found.append((module, "settings", str(arguments[0])))
    elif event in ("socket.connect", "os.mkdir", "os.remove", "os.rename", "sqlite3.connect"):
        found.append((module, event, str(arguments[:2])))

found = []
sys.addaudithook(watch)
for module in sys.argv[1:]:
    importlib.import_module(module)
print(*found, sep="\\n")
"""


def modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "migrations" not in parts:  # which Alembic runs, and nobody imports
                found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imported(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, at its top or within."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("module", MODULES)
def test_direction(module: str) -> None:
    names = set(imported(MODULES[module]))
    package = module.split(".")[0]
    own = OWN_COMMANDS.get(module, ())
    forbidden = [name for name in names if within(name, *FORBIDDEN.get(package, ()))]
    assert [name for name in forbidden if not within(name, *own)] == []
    if package != "tuning":
        assert [name for name in names if within(name, *TRAINING)] == [], "training is another package's"
    if package == "app":
        used = {name for name in names if within(name, "ingest")}
        allowed = INGEST_USERS.get(module, set())
        assert allowed is None or all(within(name, *allowed) for name in used), used
    clients = [name for name in names if within(name, *HTTP_CLIENTS)]
    assert not clients or within(module, *HTTP_USERS), clients


def test_the_exceptions_are_still_used() -> None:
    for module in INGEST_USERS:
        assert any(within(name, "ingest") for name in imported(MODULES[module])), module
    for user in HTTP_USERS:
        below = [path for name, path in MODULES.items() if within(name, user)]
        assert any(within(name, *HTTP_CLIENTS) for path in below for name in imported(path)), user


def test_importing_does_nothing(tmp_path: Path) -> None:
    """No file is written, no socket opened, no setting read: a wrong one would be refused aloud."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", GUARD, *(name for name in MODULES if name not in ENGINE_ONLY)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            "SIMURGH_PORT": "no number",
            "CUDA_VISIBLE_DEVICES": "",
        },
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == ""
    assert list(tmp_path.iterdir()) == []
