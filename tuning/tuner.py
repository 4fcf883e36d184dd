"""A tuning that was asked for over HTTP, from its files to an adapter that answers; the worker runs it."""

import errno
import fcntl
import io
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import structlog

from app.adapter_store import peft_files
from app.engine.device import Device
from indexes.adapters import Adapters
from indexes.blobs import Blobs
from indexes.durable import make_folder
from indexes.errors import InvalidTrainingFile, SimurghError, StorageFull, TrainingFailed, Unavailable
from indexes.records import Adapter
from indexes.training_files import TrainingFiles
from indexes.tuning_records import Tuning
from indexes.tunings import Tunings
from tuning.cost import SOURCE
from tuning.prepared import Prepared
from tuning.results import results
from tuning.tune import Tuned, begin, tune
from tuning.workspace import Workspace

SERVED_WITHIN = 60.0  # seconds; an engine that starts meanwhile takes it then
LOOK = 1.0  # seconds between two looks whether it was cancelled
RESULTS = "fine-tune-results"  # their purpose, as OpenAI names it
NOT_INSTALLED = "{!r} is not installed where the worker runs: install Simurgh's extra `tune` there"
log = structlog.get_logger()


class Intake(Protocol):
    def keep(
        self, tenant: str, name: str, files: Sequence[tuple[str, BinaryIO]], *, source: str
    ) -> Adapter: ...


class Tuner:
    """Safe to run again at any time: it goes on from the last checkpoint, and ends a tuning once."""

    def __init__(
        self,
        *,
        tunings: Tunings,
        files: TrainingFiles,
        blobs: Blobs,
        adapters: Adapters,
        intake: Intake,
        prepare: Callable[[], Prepared],
        device: Device | None,
        folder: Path,
        stop: threading.Event,
        served_within: float = SERVED_WITHIN,
    ) -> None:
        """``device``: a training has it alone; ``stop``: this process is about to end; another goes on."""
        self._tunings = tunings
        self._files = files
        self._blobs = blobs
        self._adapters = adapters
        self._intake = intake
        self._prepare = prepare
        self._device = device
        self._folder = folder
        self._stop = stop
        self._served_within = served_within

    def ingest(self, tuning_id: str) -> None:
        """Raises Unavailable and StorageFull, which may pass."""
        work = Workspace(self._folder / tuning_id)
        with _alone(work.folder) as alone:
            if not alone:  # another worker has it, and only seemed to be dead
                return
            tuning = self._tunings.take(tuning_id)
            if tuning is not None:
                self._tune(tuning, work)
            if self._tunings.is_over(tuning_id):  # or was: a worker that died leaves its folder
                shutil.rmtree(work.folder, ignore_errors=True)

    def _tune(self, tuning: Tuning, work: Workspace) -> None:
        """Raises Unavailable and StorageFull."""
        try:
            self._run(tuning, work)
        except (Unavailable, StorageFull):
            raise
        except SimurghError as error:
            self._fail(tuning, work, error)
        except ModuleNotFoundError as error:
            self._fail(tuning, work, TrainingFailed(NOT_INSTALLED.format(error.name), code="not_installed"))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise StorageFull(f"the disk is full ({error.filename}): free some space") from error

    def give_up(self, tuning_id: str, error: SimurghError) -> None:
        self._tunings.fail(tuning_id, code=error.code, message=error.message, param=error.param)

    def _run(self, tuning: Tuning, work: Workspace) -> None:
        if not work.has("task.json"):
            self._tunings.set_status(tuning.id, "validating_files", "looking at the files")
            self._begin(tuning, work)
        cancelled = _Cancel(self._stop, lambda: self._tunings.is_over(tuning.id))
        with nullcontext(True) if self._device is None else self._device.alone(cancelled) as given:
            if not given:
                return
            self._tunings.set_status(tuning.id, "running", "training")
            tuned = tune(
                work,
                tuning.adapter,
                tell=lambda event: self._tell(tuning, event),
                cancelled=cancelled,
            )
        if tuned.outcome.status == "cancelled" or self._tunings.is_over(tuning.id):
            return
        adapter = self._published(tuning, work, tuned)
        self._tunings.succeed(
            tuning.id,
            self._served(adapter),
            figures=tuned.outcome.figures or {},
            results=self._kept(tuning, work),
        )
        log.info("tuned", tuning=tuning.id, adapter=adapter.name, status=adapter.status)

    def _begin(self, tuning: Tuning, work: Workspace) -> None:
        """Raises InvalidTrainingFile, TooFewExamples, InvalidRequest."""
        prepared, options = self._prepare(), tuning.options
        changes = dict(options.changes)
        if options.method == "supervised":
            changes["stages"] = ["sft"]
        validation = tuning.validation_file
        checked = prepared.checked(
            self._named(tuning, work, tuning.training_file, "training_file"),
            None if validation is None else self._named(tuning, work, validation, "validation_file"),
            goal=options.goal,
            force=options.force,
            changes=changes,
        )
        if options.method == "dpo" and "dpo" not in checked.plan.stages:
            raise InvalidTrainingFile(
                "it holds no preference pairs, which `dpo` learns from", param="training_file"
            )
        for warning in checked.plan.warnings:
            self._tunings.tell(tuning.id, warning, level="warn")
        for name, why in checked.plan.reasons.items():
            value = getattr(checked.plan, name)
            self._tunings.tell(
                tuning.id, f"{name} = {value}: {why}", data={"choice": name, "value": value, "why": why}
            )
        begin(
            work.folder,
            checked,
            base=prepared.base,
            weights=prepared.weights,
            hardware=prepared.hardware,
            seed=options.seed,
        )

    def _named(self, tuning: Tuning, work: Workspace, file_id: str, param: str) -> Path:
        """Its bytes under a name that tells its format. Raises TrainingFileNotFound."""
        file = self._files.get(tuning.tenant, file_id, param=param)
        link = work.folder / f"{param}{Path(file.name).suffix.lower()}"
        link.unlink(missing_ok=True)
        link.symlink_to(self._blobs.existing(file.sha256).absolute())
        return link

    def _tell(self, tuning: Tuning, event: Mapping[str, Any]) -> None:
        at = event.get("at")
        if "checkpoint" in event:
            told, kind = f"checkpoint at step {event['checkpoint']}", "checkpoint"
        elif "steps" in event:
            losses = [f"{key}={event[key]:.4f}" for key in ("loss", "validation_loss") if key in event]
            told, kind = f"step {event['step']}/{event['steps']}: {', '.join(losses)}", "metrics"
        else:
            told, kind = str(event.get("note", "")), "message"
        self._tunings.tell(tuning.id, told, kind=kind, data=event, at=at)

    def _published(self, tuning: Tuning, work: Workspace, tuned: Tuned) -> Adapter:
        """Raises TrainingFailed where it must not be served, or where the engine refuses it."""
        if tuned.verdict is None:
            raise TrainingFailed(tuned.outcome.message or "it failed", code=tuned.outcome.code)
        for reason in tuned.verdict.reasons:
            self._tunings.tell(tuning.id, reason, data={"passed": tuned.verdict.passed})
        if not tuned.verdict.passed:
            raise TrainingFailed("; ".join(tuned.verdict.reasons), code=tuned.verdict.code)
        with ExitStack() as stack:
            opened = [(one.name, stack.enter_context(one.open("rb"))) for one in peft_files(work.adapter)]
            adapter = self._intake.keep(tuning.tenant, tuning.adapter, opened, source=f"{SOURCE}{tuning.id}")
        deadline = time.monotonic() + self._served_within
        while adapter.status == "loading" and time.monotonic() < deadline and not self._stop.wait(LOOK / 5):
            adapter = self._adapters.get(adapter.number) or adapter
        if adapter.status == "failed":
            raise TrainingFailed(f"the engine does not take it: {adapter.error}", code="not_servable")
        return adapter

    def _served(self, adapter: Adapter) -> str:
        if adapter.status != "ready":
            return f"{adapter.name} answers as soon as an engine runs"
        if adapter.proof is None:
            return f"{adapter.name} answers"
        return (
            f"{adapter.name} answers: it changes log-probabilities by {adapter.proof['served']:.3f} nats a "
            f"token, and differs from what was trained by {adapter.proof['off']:.3f}"
        )

    def _fail(self, tuning: Tuning, work: Workspace, error: SimurghError) -> None:
        log.info("tuning failed", tuning=tuning.id, code=error.code)
        self._tunings.fail(
            tuning.id,
            code=error.code,
            message=error.message,
            param=error.param,
            results=self._kept(tuning, work) if work.has("task.json") else (),
        )

    def _kept(self, tuning: Tuning, work: Workspace) -> list[str]:
        kept = []
        for name, content in results(work):
            sha256 = self._blobs.put(io.BytesIO(content), max_bytes=len(content))
            made = self._files.add(
                tuning.tenant, name=name, purpose=RESULTS, sha256=sha256, size=len(content)
            )
            kept.append(made.id)
        return kept


class _Cancel:
    """What `tune` waits with between two looks at a training."""

    def __init__(self, stop: threading.Event, cancelled: Callable[[], bool]) -> None:
        self._stop = stop
        self._cancelled = cancelled
        self._looked = 0.0

    def wait(self, seconds: float) -> bool:
        if self._stop.wait(seconds):
            return True
        if time.monotonic() < self._looked + LOOK:
            return False
        self._looked = time.monotonic()
        return self._cancelled()


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether nobody else holds the folder; freed when its holder ends, however it does."""
    try:
        make_folder(folder)
    except OSError as error:
        raise StorageFull(f"cannot write to {folder} ({error.strerror}): free some space") from error
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)
