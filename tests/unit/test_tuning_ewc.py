"""What general rows need most is held back most."""

from pathlib import Path

from tests.support.training import examples
from tuning.encoding import Encoder
from tuning.ewc import Anchor


def test_the_way_from_the_start_costs_what_it_is_needed_for(tiny_base: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    encoder = Encoder(AutoTokenizer.from_pretrained(tiny_base))
    base = AutoModelForCausalLM.from_pretrained(tiny_base, dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(r=4, target_modules=["q_proj", "down_proj"]))
    anchor = Anchor(model, [encoder.row(one) for one in examples(3)])
    assert float(anchor.pull(model).detach()) == 0.0
    slopes = {}
    for name, one in model.named_parameters():
        if "lora_B" in name:
            with torch.no_grad():
                one += 0.1
            slopes[name] = float(anchor.pull(model).detach())
            with torch.no_grad():
                one -= 0.1
    assert min(slopes.values()) > 0
    assert max(slopes.values()) > 2 * min(slopes.values()), "not each is needed alike"
    assert all(one.grad is None or not one.grad.any() for one in model.parameters()), "nothing is left behind"
