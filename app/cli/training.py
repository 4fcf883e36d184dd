"""What the commands that train share: checking, training with a bar, handing over."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from app.adapter_store import peft_files
from app.cli.client import Client
from app.cli.output import fail, progress, say
from app.engine.device import shared_device
from app.settings import Settings
from indexes.errors import SimurghError

if TYPE_CHECKING:
    from tuning.check import Checked
    from tuning.prepared import Prepared
    from tuning.tune import Tuned
    from tuning.workspace import Workspace

Goal = Literal["voice", "skill", "facts"]
Name = Annotated[str, typer.Option(help="What the adapter will be called.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A choice of the plan otherwise, like `rank=8`."),
]
Nice = Annotated[
    int | None,
    typer.Option(min=0, max=19, help="How far it steps back for others; 0 on a machine of its own."),
]
COMES_BACK = 300.0  # seconds that an engine which rested may take until it answers with a new adapter
Publish = Annotated[bool, typer.Option(help="Hand the adapter to the running service.")]


def prepared(settings: Settings) -> "Prepared":
    from tuning.prepared import Prepared

    with _told("the base model"):
        return Prepared(settings)


def checked(
    base: "Prepared",
    training: Path,
    validation: Path | None,
    *,
    goal: Goal,
    force: bool,
    changes: list[str] | None,
) -> "Checked":
    with _told(training):
        return base.checked(
            training, validation, goal=goal, force=force, changes=dict(map(_change, changes or ()))
        )


def begun(folder: Path, found: "Checked", base: "Prepared") -> "Workspace":
    from tuning.tune import begin

    try:
        return begin(folder, found, base=base.base, weights=base.weights, hardware=base.hardware)
    except OSError as error:
        fail(f"{folder}: {error.strerror or error}", 2)


def trained(work: "Workspace", name: str, settings: Settings, *, nice: int | None, stopped: str) -> "Tuned":
    """``stopped``: what to say after Ctrl-C."""
    from tuning.tune import tune

    with progress() as bar:
        shown = bar.add_task("getting ready", total=None)

        def tell(event: Mapping[str, Any]) -> None:
            if "steps" in event:
                losses = [f"{key} {event[key]:.3f}" for key in ("loss", "validation_loss") if key in event]
                bar.update(
                    shown,
                    total=event["steps"],
                    completed=event["step"],
                    description=f"{event['stage']} {', '.join(losses)}",
                )
            elif "note" in event:
                say(event["note"])

        try:
            with _device(settings):
                return tune(work, name, tell=tell, niceness=nice)
        except KeyboardInterrupt:
            fail(stopped, 130)


def handed_over(work: "Workspace", name: str, settings: Settings, *, publish: bool) -> None:
    """The adapter of a training that passed."""
    if not publish:
        say(f"the adapter: {work.adapter}")
        return
    client = Client(settings)
    made = client.upload("/adapters", peft_files(work.adapter), {"name": name})
    tired = time.monotonic() + COMES_BACK
    while made["status"] == "loading" and time.monotonic() < tired:
        time.sleep(1)
        made = client.get(f"/adapters/{name}")
    if made["status"] == "failed":
        fail(f"the service does not take it: {made['error']}")
    say(f'{made["name"]} is {made["status"]}: simurgh ask "…" --adapter {made["name"]}')


@contextmanager
def _device(settings: Settings) -> Iterator[None]:
    """To train on, once the engine has left it where it must."""
    shared = shared_device(settings)
    if shared is None:
        yield
        return
    say("the engine rests until the training has ended")
    with shared.alone(threading.Event()):
        yield


@contextmanager
def _told(what: object) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        fail(f"{error.filename or what} cannot be read: {error.strerror or error}", 2)
    except SimurghError as error:
        fail(error.message, 2)


def _change(text: str) -> tuple[str, object]:
    name, given, value = text.partition("=")
    if not given:
        fail(f"--set {text}: write NAME=VALUE", 2)
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value.strip()
