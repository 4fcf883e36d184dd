"""Frozen records of tunings that were asked for. Times are seconds since the epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class TrainingFile:
    id: str
    name: str
    purpose: str
    sha256: str
    bytes: int
    created_at: float


@dataclass(frozen=True, kw_only=True)
class TuningOptions:
    """What its owner asked for; what the names in ``changes`` mean, `tuning.plan` says."""

    method: str | None = None  # supervised or dpo; None: whatever the file holds
    goal: Literal["voice", "skill", "facts"] = "voice"
    force: bool = False  # fewer examples than a tuning is likely to gain from
    seed: int = 0
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NewTuning:
    adapter: str
    base_model: str
    training_file: str
    validation_file: str | None
    options: TuningOptions
    metadata: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Tuning(NewTuning):
    id: str
    tenant: str
    status: str
    error_code: str | None
    error: str | None
    error_param: str | None
    figures: Mapping[str, float] | None  # of the training: `tuning.workspace.Outcome`
    results: Sequence[str]
    created_at: float
    finished_at: float | None


@dataclass(frozen=True, kw_only=True)
class TuningEvent:
    number: int
    at: float
    level: str
    kind: str
    message: str
    data: Mapping[str, Any]
