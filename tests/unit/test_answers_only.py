"""What is not learnt costs nothing in the head, and changes nothing."""

from typing import Any

import pytest
import torch

from tuning.answers_only import answers_only

LENGTH, ANSWER = 24, 5


def outcome(model: Any, scored: list[int], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    from trl.trainer import utils

    real = utils._ChunkedLogProbFunction.apply

    def counted(hidden: Any, *rest: Any) -> Any:
        scored.append(hidden.shape[0])
        return real(hidden, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(utils._ChunkedLogProbFunction, "apply", staticmethod(counted))
        ids = torch.arange(2 * LENGTH).reshape(2, LENGTH) % 50
        labels = ids.clone()
        labels[:, :-ANSWER] = -100
        model.zero_grad()
        found = model(input_ids=ids, labels=labels, fused_lm_head=True)
        found.loss.backward()
    return found, model.model.layers[0].self_attn.q_proj.weight.grad.clone()


def test_the_loss_and_its_gradient_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl.trainer.utils import add_fused_lm_head

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2
    )
    model = LlamaForCausalLM(config)
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    every: list[int] = []
    answers: list[int] = []
    found, gradient = outcome(model, every, monkeypatch)
    with answers_only():
        same, again = outcome(model, answers, monkeypatch)
    assert (every, answers) == ([2 * (LENGTH - 1)], [2 * ANSWER])
    torch.testing.assert_close(found.loss, same.loss)
    torch.testing.assert_close(gradient, again)
    torch.testing.assert_close(found.log_probs, same.log_probs)
    assert torch.equal(found.is_top1, same.is_top1)
    outcome(model, every, monkeypatch)
    assert every[-1] == every[0], "afterwards all is as it was"
