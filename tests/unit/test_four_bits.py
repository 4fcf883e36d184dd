"""What is learnt in four bits is the same whether the model has answered before or not."""

from pathlib import Path
from typing import Any


def gradients(base: Path, *, answers_first: bool) -> dict[str, Any]:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from tuning.four_bits import keep_trainable, packing

    model: Any = AutoModelForCausalLM.from_pretrained(
        base, dtype=torch.float32, device_map="cpu", quantization_config=packing(torch.float32)
    )
    keep_trainable(model)
    ids = torch.arange(40).reshape(2, 20)
    if answers_first:
        model.eval()
        with torch.no_grad():
            model(ids)
    torch.manual_seed(1)
    model = get_peft_model(
        model, LoraConfig(r=4, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM")
    )
    model.train()
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    model(ids, labels=ids).loss.backward()
    return {name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad}


def test_answering_changes_no_gradient(tiny_base: Path) -> None:
    import torch

    fresh, answered = gradients(tiny_base, answers_first=False), gradients(tiny_base, answers_first=True)
    assert len(fresh) == 2 * 2 * 2, "of two layers, two modules each"
    for name, one in fresh.items():
        assert one.norm() > 0
        torch.testing.assert_close(answered[name], one, msg=lambda text, at=name: f"{at}: {text}")
