"""The composition root of tuning: what the worker runs for every tuning."""

import threading

from sqlalchemy import Engine

from app import models
from app.adapter_check import BaseModel, base_shapes
from app.adapter_intake import AdapterIntake
from app.adapter_store import AdapterStore
from app.engine.device import shared_device
from app.settings import Settings
from indexes.adapters import Adapters
from indexes.blobs import Blobs
from indexes.training_files import TrainingFiles
from indexes.tunings import Tunings
from tuning.prepared import Prepared
from tuning.tuner import Tuner


def build_tuner(settings: Settings, database: Engine, stop: threading.Event) -> Tuner:
    source = models.generator_source(settings)
    shapes = base_shapes(source.folder) if source.folder is not None and source.folder.is_dir() else None
    base = BaseModel(id=source.id, max_rank=settings.max_lora_rank, shapes=shapes)
    return Tuner(
        tunings=Tunings(database),
        files=TrainingFiles(database),
        blobs=Blobs(settings.data_dir / "files"),
        adapters=Adapters(database),
        intake=AdapterIntake(Adapters(database), AdapterStore(settings.data_dir / "adapters"), base),
        prepare=lambda: Prepared(settings),
        device=shared_device(settings),
        folder=settings.data_dir / "tuning",
        stop=stop,
    )
