"""`python -m tuning.train FOLDER PARENT NICENESS`: the training itself, in a process of its own.

Supervised first, then by preference onto the same adapter. What it prints goes to the folder's log.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from app.adapter_store import CANARY
from app.engine.orphans import die_with_parent
from app.models import build_embedder
from app.settings import Settings
from indexes.durable import sync_tree
from indexes.errors import SimurghError, TrainingFailed
from ingest.priority import step_back
from tuning.answers_only import answers_only
from tuning.canary import canary
from tuning.encoding import Encoder, Row
from tuning.ewc import Anchor
from tuning.four_bits import keep_precise, keep_trainable, packing
from tuning.general import answered
from tuning.judged import answers_judged
from tuning.plan import Plan
from tuning.progress import telling
from tuning.records import Example
from tuning.scaling import Scale
from tuning.scores import score
from tuning.spectrum import pattern
from tuning.trainers import VALIDATED, preferring, supervised
from tuning.verdict import forgot
from tuning.workspace import (
    GENERAL,
    GENERAL_JUDGED,
    TRAIN,
    VALIDATION,
    Outcome,
    Stage,
    Task,
    Workspace,
)

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
JUDGED = 40  # general rows that are not learnt from
ANCHORED = 32  # general rows that tell what the base needs
NO_NUMBER = "probability tensor contains"  # as PyTorch says that a token cannot be drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder that a task was written to")
    parser.add_argument("parent", type=int, help="the process that it must not outlive")
    parser.add_argument("niceness", type=int)
    asked = parser.parse_args()
    die_with_parent()
    if os.getppid() != asked.parent:  # it was quicker
        return
    work = Workspace(asked.folder)
    step_back(asked.niceness)
    try:
        outcome = train(work)
    except SimurghError as error:
        outcome = Outcome(status="failed", code=error.code, message=error.message)
    except (MemoryError, RuntimeError) as error:
        known = _known(error)
        if known is None:
            raise
        outcome = known
    work.end(outcome)
    sys.exit(outcome.status != "succeeded")


def train(work: Workspace) -> Outcome:
    """Raises TrainingFailed."""
    begun = time.monotonic()
    task = work.task()
    tokenizer, model = _loaded(task)
    encoder = Encoder(tokenizer)
    general = _general(work, task, model, tokenizer)
    model = _with_adapter(model, task)
    figures: dict[str, float] = {
        "parameters_trained": _trained(model),
        "replayed": len(general),
        "on_gpu": float(task.device != "cpu"),
    }

    train, validation = work.examples(TRAIN), work.examples(VALIDATION)
    rows = _short([encoder.row(one) for one in (*train, *general)], task.plan)
    anchor = Anchor(model, [encoder.row(one) for one in general[:ANCHORED]]) if task.plan.ewc else None
    trainer = supervised(
        model,
        tokenizer,
        work,
        task,
        train=rows,
        validation=_short([encoder.row(one) for one in validation], task.plan),
        anchor=anchor,
        callbacks=[telling(work, "sft")],
    )
    _run(trainer, work, "sft", figures)
    if "dpo" in task.plan.stages:
        better, judged = _pairs(train, validation)
        trainer = preferring(
            model,
            tokenizer,
            work,
            task,
            train=better,
            validation=judged,
            callbacks=[telling(work, "dpo")],
        )
        _run(trainer, work, "dpo", figures)
    figures["training_seconds"] = round(time.monotonic() - begun, 1)
    figures |= _judged(trainer.model, tokenizer, work, validation, task.plan)
    _save(trainer.model, work, task, canary(trainer.model, [encoder.row(one) for one in validation]))
    figures["seconds"] = round(time.monotonic() - begun, 1)
    return Outcome(status="succeeded", figures=figures)


def _loaded(task: Task) -> tuple[Any, Any]:
    """Tokenizer and base. On a CPU in fp32, where a step of bf16 would be lost."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(task.seed)
    random.seed(task.seed)
    tokenizer = AutoTokenizer.from_pretrained(task.weights)
    number = torch.float32 if task.device == "cpu" else torch.bfloat16
    four_bits = task.plan.method == "qlora"
    model = AutoModelForCausalLM.from_pretrained(
        task.weights,
        dtype=number,
        device_map=task.device,
        quantization_config=packing(number) if four_bits else None,
    )
    if four_bits:
        keep_trainable(model)
    return tokenizer, model


def _general(work: Workspace, task: Task, model: Any, tokenizer: Any) -> list[Example]:
    """To learn from. Made once, with those to judge by: what goes on after a kill must see the same."""
    if not work.has(GENERAL):
        count = round(task.plan.replay * len(work.examples(TRAIN)))
        if task.plan.ewc:
            count = max(count, ANCHORED)
        made = answered(model, tokenizer, JUDGED + count, task.seed)
        work.write_examples(GENERAL_JUDGED, made[:JUDGED])
        work.write_examples(GENERAL, made[JUDGED:])
    return work.examples(GENERAL)


def _judged(
    model: Any, tokenizer: Any, work: Workspace, validation: Sequence[Example], plan: Plan
) -> dict[str, float]:
    """What it gained on what validates, and lost on general rows that it has not learnt from.

    An adapter that lost too much is made weaker first."""
    encoder = Encoder(tokenizer)
    target = _short([encoder.row(one) for one in validation[:VALIDATED]], plan)
    general = [encoder.row(one) for one in work.examples(GENERAL_JUDGED)]
    with model.disable_adapter():
        target_base, general_base = score(model, target), score(model, general)
    known = whole = score(model, general)
    scale = 1.0
    if forgot(general_base.accuracy, whole.accuracy):
        scale = Scale(model).weaken(lambda: not forgot(general_base.accuracy, score(model, general).accuracy))
        known = score(model, general)
    learnt = score(model, target)
    return {
        "scale": scale,
        "general_accuracy_whole": whole.accuracy,
        "target_perplexity_base": target_base.perplexity,
        "target_perplexity": learnt.perplexity,
        "target_accuracy_base": target_base.accuracy,
        "target_accuracy": learnt.accuracy,
        "general_perplexity_base": general_base.perplexity,
        "general_perplexity": known.perplexity,
        "general_accuracy_base": general_base.accuracy,
        "general_accuracy": known.accuracy,
        **answers_judged(
            model,
            tokenizer,
            work,
            validation,
            at_once=plan.at_once,
            embedder=partial(build_embedder, Settings()),
        ),
    }


def _with_adapter(model: Any, task: Task) -> Any:
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    plan = task.plan
    if plan.method == "qlora":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=plan.gradient_checkpointing)  # type: ignore[no-untyped-call]
    config = LoraConfig(
        r=plan.rank,
        lora_alpha=plan.alpha,
        lora_dropout=plan.dropout,
        use_rslora=plan.rslora,
        target_modules=pattern(list(task.modules)) if task.modules else list(PROJECTIONS),
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def _pairs(train: Sequence[Example], validation: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """To learn from and to judge by; where no pair validates, a fifth of the others does."""
    better = [one for one in train if one.rejected is not None]
    judged = [one for one in validation if one.rejected is not None]
    if not judged and len(better) > 1:
        at = max(1, len(better) // 5)
        judged, better = better[:at], better[at:]
    return better, judged


def _trained(model: Any) -> int:
    return sum(one.numel() for one in model.parameters() if one.requires_grad)


def _short(rows: Sequence[Row], plan: Plan) -> list[Row]:
    """Without those that would be cut. Raises TrainingFailed where none is left."""
    found = [one for one in rows if len(one.ids) <= plan.max_length]
    if not found:
        raise TrainingFailed(
            f"no example has at most {plan.max_length} tokens: raise `max_length`", code="examples_too_long"
        )
    return found


def _run(trainer: Any, work: Workspace, stage: Stage, figures: dict[str, float]) -> None:
    last = work.last_checkpoint(stage)
    if work.task().device == "cpu":
        keep_precise(trainer.model)
    with answers_only():
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    state = trainer.state
    figures[f"{stage}_steps"] = state.global_step
    if state.best_metric is not None:
        figures[f"{stage}_best"] = round(float(state.best_metric), 4)
        figures[f"{stage}_best_step"] = float(state.best_global_step)
        for logged in state.log_history:
            if logged.get("step") == state.best_global_step and "eval_rewards/accuracies" in logged:
                figures["reward_accuracy"] = logged["eval_rewards/accuracies"]
    figures[f"{stage}_tokens"] = max((one.get("num_tokens", 0) for one in state.log_history), default=0)


def _save(model: Any, work: Workspace, task: Task, sung: bytes) -> None:
    model.peft_config["default"] = _named(model.peft_config["default"], task)
    unfinished = work.folder / "adapter.unfinished"
    model.save_pretrained(str(unfinished), selected_adapters=["default"])
    (unfinished / CANARY).write_bytes(sung)
    sync_tree(unfinished)
    unfinished.rename(work.adapter)


def _named(config: Any, task: Task) -> Any:
    config.base_model_name_or_path = task.base.split("@")[0]
    config.inference_mode = True
    return config


def _known(error: BaseException) -> Outcome | None:
    """None where it says nothing that whoever asked for the training could act on."""
    if isinstance(error, MemoryError) or "out of memory" in str(error) or "alloc" in str(error):
        return Outcome(status="failed", code="out_of_memory", message=f"out of memory: {error}")
    if NO_NUMBER in str(error):
        return Outcome(status="failed", code="nan_loss", message=f"the base cannot answer: {error}")
    return None


if __name__ == "__main__":
    main()
