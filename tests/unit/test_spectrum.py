"""Modules chosen by signal over noise: chance is told from structure, and PEFT takes exactly those."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tuning.spectrum import chosen, edge, pattern, signal_to_noise

LAYERS, WIDTH, HEADS = 6, 48, 4
STRUCTURED = {1, 4}  # layers with a signal


def noise(rows: int, columns: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


def signal(rows: int, columns: int, strength: float) -> Any:
    left, right = noise(rows, 3, 1), noise(3, columns, 2)
    return noise(rows, columns, 3) + strength * left @ right


@pytest.mark.parametrize("shape", [(200, 200), (300, 100), (100, 300)])
def test_chance_lies_below_the_edge(shape: tuple[int, int]) -> None:
    values = np.linalg.svd(noise(*shape), compute_uv=False)
    known = np.sqrt(max(shape)) + np.sqrt(min(shape))  # of entries of unit variance
    assert edge(values, shape) == pytest.approx(known, rel=0.03)
    assert values[0] < 1.05 * edge(values, shape)


def test_structure_stands_out_and_scale_does_not() -> None:
    clear = signal(200, 100, 2.0)
    assert signal_to_noise(noise(200, 100)) < 0.1 * signal_to_noise(clear)
    assert signal_to_noise(10 * clear) == pytest.approx(signal_to_noise(clear), rel=1e-3)


def weights(folder: Path) -> Path:
    tensors = {}
    for layer in range(LAYERS):
        for name, shape in (("self_attn.q_proj", (WIDTH, WIDTH)), ("mlp.down_proj", (WIDTH, 2 * WIDTH))):
            matrix = signal(*shape, 3.0) if layer in STRUCTURED else noise(*shape, seed=layer)
            # As large at most: it is the share that counts.
            matrix = matrix / np.linalg.svd(matrix, compute_uv=False)[0]
            tensors[f"model.layers.{layer}.{name}.weight"] = torch.from_numpy(matrix)
    tensors["model.embed_tokens.weight"] = torch.zeros(8, WIDTH)
    save_file(tensors, str(folder / "model.safetensors"))
    return folder


def test_the_best_of_each_kind_are_chosen(tmp_path: Path) -> None:
    names = chosen(weights(tmp_path), 2 / LAYERS)
    assert len(names) == 4
    assert {int(name.split(".")[2]) for name in names} == STRUCTURED
    assert len(chosen(tmp_path, 0.01)) == 2
    assert len(chosen(tmp_path, 1.0)) == 2 * LAYERS


def test_peft_takes_exactly_these(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    names = [
        "model.layers.1.self_attn.q_proj",
        "model.layers.11.self_attn.q_proj",
        "model.layers.4.mlp.down_proj",
    ]
    config = LlamaConfig(
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=12,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        vocab_size=64,
    )
    model = get_peft_model(LlamaForCausalLM(config), LoraConfig(r=4, target_modules=pattern(names)))
    trained = {
        name.removeprefix("base_model.model.").partition(".lora_")[0]
        for name, weight in model.named_parameters()
        if weight.requires_grad
    }
    assert trained == set(names)
