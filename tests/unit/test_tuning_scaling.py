"""An adapter is made no weaker than it must be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tuning.scaling import SCALES, Scale


@pytest.fixture
def model(tiny_base: Path) -> Any:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(tiny_base, dtype=torch.float32)
    made: Any = get_peft_model(base, LoraConfig(r=4, target_modules=["q_proj", "down_proj"]))
    with torch.no_grad():
        for name, one in made.named_parameters():
            if "lora_B" in name:
                one.add_(0.1)
    return made.eval()


def logits(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(input_ids=torch.tensor([[5, 6, 7]])).logits


def strength(model: Any) -> float:
    """Of the adapter's second matrix, as part of what was learnt."""
    learnt = next(one for name, one in model.named_parameters() if "lora_B" in name)
    return float(learnt.detach().flatten()[0]) / 0.1


def keeping(model: Any, most: float, tried: list[float]) -> Callable[[], bool]:
    def keeps() -> bool:
        tried.append(strength(model))
        return tried[-1] < most + 1e-6

    return keeps


@pytest.mark.parametrize(("most", "found"), [(0.95, 0.9), (0.8, 0.8), (0.65, 0.6), (0.3, 0.3)])
def test_the_strongest_that_keeps_what_the_base_knew(model: Any, most: float, found: float) -> None:
    tried: list[float] = []
    assert Scale(model).weaken(keeping(model, most, tried)) == found
    assert strength(model) == pytest.approx(found)
    assert len(tried) <= 3


def test_where_none_keeps_it_the_adapter_is_whole(model: Any) -> None:
    before = logits(model)
    tried: list[float] = []
    assert Scale(model).weaken(keeping(model, 0.1, tried)) == 1.0
    assert min(tried) == pytest.approx(min(SCALES)), "the weakest was tried before it was given up"
    assert logits(model).equal(before)


def test_at_nothing_the_base_answers(model: Any) -> None:
    with model.disable_adapter():
        base = logits(model)
    assert not logits(model).equal(base)
    Scale(model).set(0.0)
    assert logits(model).equal(base)
