"""A worker that does nothing but train, in a thread, and files for it to train on."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.adapter_check import BaseModel, base_shapes
from app.adapter_intake import AdapterIntake
from app.adapter_store import AdapterStore
from app.compose import Service
from app.engine.device import Device
from indexes.adapters import Adapters
from tests.support.training import examples
from tuning.prepared import Prepared
from tuning.tuner import Tuner


def tuner(service: Service, base: Path, stop: threading.Event, device: Device | None = None) -> Tuner:
    adapters = Adapters(service.database)
    model = BaseModel(id=str(base), max_rank=16, shapes=base_shapes(base))
    return Tuner(
        tunings=service.tunings,
        files=service.training_files,
        blobs=service.blobs,
        adapters=adapters,
        intake=AdapterIntake(adapters, AdapterStore(service.settings.data_dir / "adapters"), model),
        prepare=lambda: Prepared(service.settings),
        device=device,
        folder=service.settings.data_dir / "tuning",
        stop=stop,
    )


@contextmanager
def at_work(service: Service, base: Path) -> Iterator[threading.Event]:
    """A worker that does nothing but train; yields what stops it."""
    stop = threading.Event()
    made = tuner(service, base, stop)

    def work() -> None:
        while not stop.wait(0.1):
            for one in service.tunings.unfinished(limit=1):
                made.ingest(one)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(30)


def lines(count: int = 36) -> bytes:
    rows = [
        {
            "messages": [
                {"role": "user", "content": one.question},
                {"role": "assistant", "content": one.answer},
            ]
        }
        for one in examples(count)
    ]
    return "\n".join(json.dumps(row) for row in rows).encode()
