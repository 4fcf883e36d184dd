"""TRL's trainers, set as a plan says: supervised (SFT), and by preference (DPO)."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from indexes.errors import TrainingFailed
from tuning.encoding import Encoder, Row
from tuning.ewc import Anchor
from tuning.plan import Plan
from tuning.records import Example
from tuning.workspace import Stage, Task, Workspace

if TYPE_CHECKING:
    from transformers import TrainerCallback

WARM_UP = 0.06  # share of the steps
EVALUATIONS = 2  # an epoch
PATIENCE = 3  # evaluations without a better one, after which it stops
VALIDATED = 200  # examples at most: an evaluation must not take longer than the training between two
PREFERENCE_RATE = 0.1  # of the supervised learning rate
PREFERENCE_EPOCHS = 3  # at most: pairs are soon learnt, and then too well
BETA = 0.1  # of DPO: how dear it is to leave what was learnt before


def supervised(
    model: Any,
    tokenizer: Any,
    work: Workspace,
    task: Task,
    *,
    train: Sequence[Row],
    validation: Sequence[Row],
    anchor: Anchor | None,
    callbacks: "Sequence[TrainerCallback]",
) -> Any:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    class Supervised(SFTTrainer):  # type: ignore[misc]
        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **rest: Any) -> Any:
            found = super().compute_loss(model, inputs, return_outputs, **rest)
            if anchor is not None and model.training:  # outputs are asked for in evaluations only
                found = found + task.plan.ewc * anchor.pull(model) / self.current_gradient_accumulation_steps
            return _finite(found)

    def rows(given: Sequence[Row]) -> Any:
        return Dataset.from_list([{"input_ids": one.ids, "labels": one.labels} for one in given])

    return Supervised(
        model=model,
        args=SFTConfig(
            **_settings(work, task, "sft", len(train)),
            train_sampling_strategy="random" if task.plan.at_once == 1 else "group_by_length",
            learning_rate=task.plan.learning_rate,
        ),
        train_dataset=rows(train),
        eval_dataset=rows(validation[:VALIDATED]),
        processing_class=tokenizer,
        callbacks=[*callbacks, _early_stopping()],
    )


def preferring(
    model: Any,
    tokenizer: Any,
    work: Workspace,
    task: Task,
    *,
    train: Sequence[Example],
    validation: Sequence[Example],
    callbacks: "Sequence[TrainerCallback]",
) -> Any:
    """On the adapter that ``model`` has; what it was before is what DPO compares with."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    class Preferring(DPOTrainer):  # type: ignore[misc]
        def compute_loss(self, *given: Any, **rest: Any) -> Any:
            return _finite(super().compute_loss(*given, **rest))

    encoder = Encoder(tokenizer)

    def pairs(given: Sequence[Example]) -> Any:
        return Dataset.from_list([encoder.pair(one) for one in given])

    return Preferring(
        model=model,
        args=DPOConfig(
            **_settings(work, task, "dpo", len(train)),
            beta=BETA,
            learning_rate=PREFERENCE_RATE * task.plan.learning_rate,
        ),
        train_dataset=pairs(train),
        eval_dataset=pairs(validation[:VALIDATED]),
        processing_class=tokenizer,
        callbacks=[*callbacks, _early_stopping()],
    )


def _settings(work: Workspace, task: Task, stage: Stage, rows: int) -> dict[str, Any]:
    plan: Plan = task.plan
    every = max(1, math.ceil(rows / plan.batch) // EVALUATIONS)
    at_once = min(plan.at_once, plan.batch)
    on_cpu = task.device == "cpu"
    return {
        "output_dir": str(work.checkpoints(stage)),
        "per_device_train_batch_size": at_once,
        "per_device_eval_batch_size": at_once,
        "gradient_accumulation_steps": max(1, round(plan.batch / at_once)),
        "num_train_epochs": plan.epochs if stage == "sft" else min(plan.epochs, PREFERENCE_EPOCHS),
        "lr_scheduler_type": "cosine",
        "warmup_steps": WARM_UP,
        "weight_decay": 0.0,
        "max_length": plan.max_length,
        "gradient_checkpointing": plan.gradient_checkpointing,
        "eval_strategy": "steps",
        "eval_steps": every,
        "save_strategy": "steps",
        "save_steps": every,
        "save_total_limit": 2,
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "dataloader_pin_memory": not on_cpu,
        "use_cpu": on_cpu,
        "bf16": not on_cpu,
        "disable_tqdm": True,
        "report_to": "none",
        "seed": task.seed,
    }


def _early_stopping() -> Any:
    from transformers import EarlyStoppingCallback

    return EarlyStoppingCallback(early_stopping_patience=PATIENCE)


def _finite(found: Any) -> Any:
    """A loss, or a loss with its outputs. Raises TrainingFailed."""
    loss = found[0] if isinstance(found, tuple) else found
    if not math.isfinite(float(loss.detach())):
        raise TrainingFailed(
            "the loss is no number any more: the learning rate is too high, or the base cannot compute this "
            "in its precision. Plan with a lower `learning_rate`",
            code="nan_loss",
        )
    return found
