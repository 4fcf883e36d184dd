"""`simurgh serve` and `simurgh worker`."""

import signal
import threading
from typing import Annotated

import typer

from app import logs
from app.cli.client import load_settings
from app.cli.output import err, fail
from app.cli.prepare import prepare_with_bar
from app.settings import Settings, is_loopback
from app.supervisor import Supervisor, port_problem, stop_with_supervisor
from indexes.durable import make_folder

GRACE = 5  # seconds that requests in flight get at shutdown


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on.")] = None,
    worker: Annotated[bool, typer.Option(help="Start the ingestion worker beside the API.")] = True,
) -> None:
    """Run the API and, beside it, the ingestion worker. Ctrl-C stops both."""
    settings = load_settings()
    changes = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = settings.model_copy(update=changes)
    if settings.api_key is None and not is_loopback(settings.host):
        fail(f"refusing to listen on {settings.host} without SIMURGH_API_KEY", 2)
    if (problem := port_problem(settings)) is not None:
        fail(problem, 3)
    try:
        make_folder(settings.data_dir)
    except OSError as error:
        fail(f"cannot write to the data folder {settings.data_dir}: {error.strerror}", 4)
    prepare_with_bar(settings)
    if not worker:
        _serve_api(settings)
        return
    shown = "127.0.0.1" if is_loopback(settings.host) else settings.host
    err.print(
        f"[bold]Simurgh[/] is starting at [link]http://{shown}:{settings.port}[/link]; the model takes up to "
        "a minute to load. Ctrl-C stops it."
    )
    if not (settings.data_dir / "simurgh.db").exists():
        err.print(
            "New here? `make demo` in another terminal ingests three sample documents and asks about them."
        )
    raise typer.Exit(Supervisor(settings, err.print).run())


def _serve_api(settings: Settings) -> None:
    import uvicorn

    from app.api.application import create_application
    from app.compose import build_service

    logs.configure()
    stop_with_supervisor()
    application = create_application(settings, lambda: build_service(settings))
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE,
        server_header=False,
    )
    uvicorn.Server(config).run()


def worker() -> None:
    """Run the ingestion worker alone."""
    from app.compose_worker import run_worker

    settings = load_settings()
    prepare_with_bar(settings)
    logs.configure()
    stop_with_supervisor()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    run_worker(settings, stop)
