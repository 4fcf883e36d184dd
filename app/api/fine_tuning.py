"""OpenAI's fine-tuning jobs: made, listed, watched, cancelled. A worker runs them."""

import re
import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.deps import NAME, After, ServiceDep, Strict, TenantDep
from app.api.files import TRAINING, openai_page
from app.api.openai import MODEL, OWNER
from app.compose import Service
from app.generator import BASE
from indexes.errors import InvalidRequest, NotFound
from indexes.tuning_records import NewTuning, Tuning, TuningEvent, TuningOptions

router = APIRouter(prefix="/v1/fine_tuning/jobs", tags=["fine-tuning"])
Auto = Literal["auto"]
JobLimit = Annotated[int, Query(ge=1, le=100)]
# OpenAI's names for choices of the plan.
CHOICES = {
    "n_epochs": "epochs",
    "batch_size": "batch",
    "learning_rate_multiplier": "learning_rate_multiplier",
}
# A checkpoint's figures, and the names that they have in what is told of a step.
METRICS = {
    "train_loss": "loss",
    "train_mean_token_accuracy": "token_accuracy",
    "full_valid_loss": "validation_loss",
    "full_valid_mean_token_accuracy": "validation_token_accuracy",
}


class Hyperparameters(Strict):
    n_epochs: int | Auto = "auto"
    batch_size: int | Auto = "auto"
    learning_rate_multiplier: float | Auto = "auto"
    beta: Auto = "auto"  # of DPO: not to be chosen


class Way(Strict):
    hyperparameters: Hyperparameters = Hyperparameters()


class Method(Strict):
    type: Literal["supervised", "dpo"]
    supervised: Way | None = None
    dpo: Way | None = None


class JobBody(Strict):
    """``goal``, ``force`` and ``plan`` are our own: `extra_body` of OpenAI's client."""

    model: str
    training_file: str
    validation_file: str | None = None
    suffix: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    method: Method | None = None
    hyperparameters: Hyperparameters = Hyperparameters()
    seed: int | None = Field(None, ge=0, lt=2**31)
    metadata: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]] | None = (
        Field(None, max_length=16)
    )
    integrations: None = None
    goal: Literal["voice", "skill", "facts"] = "voice"
    force: bool = False
    plan: dict[str, Any] = {}


@router.post("")
def create(body: JobBody, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    """An adapter on the model that this service runs. Its name is the suffix, or drawn."""
    base = service.parts.base.id
    if body.model not in (MODEL, base):
        raise NotFound(
            f"there is no base model {body.model!r}: use {MODEL} or {base}",
            param="model",
            code="model_not_found",
        )
    for param, file_id in (("training_file", body.training_file), ("validation_file", body.validation_file)):
        if file_id is not None:
            found = service.training_files.get(tenant, file_id, param=param)
            if found.purpose != TRAINING:
                raise InvalidRequest(f"{file_id} is not for training: it is {found.purpose}", param=param)
    if body.validation_file == body.training_file:
        raise InvalidRequest("what validates must be other examples", param="validation_file")
    name = body.suffix or f"tuned-{uuid.uuid4().hex[:8]}"
    if not re.fullmatch(NAME, name) or name == BASE:
        raise InvalidRequest(
            "suffix, the adapter's name, must be letters, digits, '_', '-' or '.', beginning with a letter "
            f"or digit, and not {BASE!r}",
            param="suffix",
        )
    made = service.tunings.start(
        tenant,
        NewTuning(
            adapter=name,
            base_model=base,
            training_file=body.training_file,
            validation_file=body.validation_file,
            options=TuningOptions(
                method=body.method.type if body.method else None,
                goal=body.goal,
                force=body.force,
                seed=body.seed or 0,
                changes={**_chosen(body), **body.plan},
            ),
            metadata=body.metadata or {},
        ),
    )
    return _view(made)


@router.get("")
def jobs(service: ServiceDep, tenant: TenantDep, limit: JobLimit = 20, after: After = None) -> dict[str, Any]:
    """Newest first."""
    found = service.tunings.page(tenant, limit=limit, after=after)
    return openai_page([_view(one) for one in found.data], has_more=found.has_more)


@router.get("/{job_id}")
def job(job_id: str, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    return _view(service.tunings.get(tenant, job_id))


@router.post("/{job_id}/cancel")
def cancel(job_id: str, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    return _view(service.tunings.cancel(tenant, job_id))


@router.get("/{job_id}/events")
def events(
    job_id: str, service: ServiceDep, tenant: TenantDep, limit: JobLimit = 20, after: After = None
) -> dict[str, Any]:
    """Newest first."""
    tuning = service.tunings.get(tenant, job_id)
    data, more = _told(service, tuning, ("message", "metrics", "checkpoint"), limit, after, EVENT)
    return openai_page([_event(one) for one in data], has_more=more)


@router.get("/{job_id}/checkpoints")
def checkpoints(
    job_id: str, service: ServiceDep, tenant: TenantDep, limit: JobLimit = 10, after: After = None
) -> dict[str, Any]:
    """Newest first. They are there to go on from; the best is what answers in the end."""
    tuning = service.tunings.get(tenant, job_id)
    data, more = _told(service, tuning, ("checkpoint",), limit, after, CHECKPOINT)
    return openai_page([_checkpoint(tuning, one) for one in data], has_more=more)


EVENT, CHECKPOINT = "ftevent-", "ftckpt-"


def _told(
    service: Service, tuning: Tuning, kinds: tuple[str, ...], limit: int, after: str | None, prefix: str
) -> tuple[list[TuningEvent], bool]:
    behind = None if after is None else after.removeprefix(prefix)
    found = service.tunings.events(tuning, limit=limit, after=behind, kinds=kinds)
    return found.data, found.has_more


def _chosen(body: JobBody) -> dict[str, Any]:
    """By their names in the plan."""
    way = None if body.method is None else getattr(body.method, body.method.type)
    given = (way.hyperparameters if way else body.hyperparameters).model_dump(exclude_unset=True)
    return {CHOICES[name]: value for name, value in given.items() if value != "auto"}


def _view(found: Tuning) -> dict[str, Any]:
    names = {choice: name for name, choice in CHOICES.items()}
    asked = {names[key]: value for key, value in found.options.changes.items() if key in names}
    hyperparameters = {**dict.fromkeys(CHOICES, "auto"), **asked}
    kind = found.options.method or "supervised"
    failed = found.status == "failed"
    return {
        "id": found.id,
        "object": "fine_tuning.job",
        "created_at": int(found.created_at),
        "finished_at": None if found.finished_at is None else int(found.finished_at),
        "estimated_finish": None,
        "status": found.status,
        "error": {"code": found.error_code, "message": found.error, "param": found.error_param}
        if failed
        else None,
        "model": found.base_model,
        "adapter": found.adapter,
        "fine_tuned_model": f"{MODEL}:{found.adapter}" if found.status == "succeeded" else None,
        "organization_id": OWNER,
        "training_file": found.training_file,
        "validation_file": found.validation_file,
        "result_files": list(found.results),
        "trained_tokens": _tokens(found.figures),
        "figures": found.figures,
        "seed": found.options.seed,
        "hyperparameters": hyperparameters,
        "method": {"type": kind, kind: {"hyperparameters": hyperparameters}},
        "metadata": dict(found.metadata) or None,
        "integrations": [],
    }


def _tokens(figures: Mapping[str, float] | None) -> int | None:
    """That were trained on, in all stages and epochs."""
    if figures is None:
        return None
    return round(sum(figures.get(f"{stage}_tokens", 0.0) for stage in ("sft", "dpo")))


def _event(found: TuningEvent) -> dict[str, Any]:
    return {
        "id": f"{EVENT}{found.number}",
        "object": "fine_tuning.job.event",
        "created_at": int(found.at),
        "level": found.level,
        "message": found.message,
        "type": "metrics" if found.kind == "metrics" else "message",
        "data": dict(found.data),
    }


def _checkpoint(tuning: Tuning, found: TuningEvent) -> dict[str, Any]:
    step = found.data["checkpoint"]
    told = found.data["figures"]
    figures = {name: told[key] for name, key in METRICS.items() if key in told}
    return {
        "id": f"{CHECKPOINT}{found.number}",
        "object": "fine_tuning.job.checkpoint",
        "created_at": int(found.at),
        "fine_tuned_model_checkpoint": f"{MODEL}:{tuning.adapter}:ckpt-step-{step}",
        "fine_tuning_job_id": tuning.id,
        "step_number": step,
        "metrics": {"step": step, **figures},
    }
