"""A step of training on a row that holds its sources: the head over its answer alone, or over all of it."""

from pathlib import Path
from typing import Any

from bench.figures import Figure, alternated
from tuning.answers_only import answers_only

LENGTH, ANSWER = 500, 12  # tokens, as of a question with five passages and its answer


def measure(base: Path) -> Figure:
    """Steps a minute, forward and back."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM
    from trl.trainer.utils import add_fused_lm_head

    from tuning.train import PROJECTIONS

    torch.manual_seed(0)
    config = LoraConfig(r=16, target_modules=list(PROJECTIONS), task_type="CAUSAL_LM")
    model: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), config)
    add_fused_lm_head(model.get_base_model(), outputs=("log_probs", "entropy", "is_top1"))
    ids = torch.randint(0, model.config.vocab_size, (1, LENGTH))
    labels = ids.clone()
    labels[:, :-ANSWER] = -100

    def step() -> None:
        model(input_ids=ids, labels=labels, fused_lm_head=True).loss.backward()

    def answer() -> None:
        with answers_only():
            step()

    ours, rival = alternated(answer, step)
    return Figure(name="a step on a row with sources", ours=60 / ours, rival=60 / rival, unit="a minute")
