"""Weights in four bits: NF4, with the scales packed as well (QLoRA, Dettmers et al. 2023, https://arxiv.org/abs/2305.14314)."""

from typing import Any


def packing(compute: Any) -> Any:
    """What transformers packs weights by while it loads them. ``compute``: the torch dtype to multiply in."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )


def keep_trainable(model: Any) -> None:
    """Where a CPU has AVX512-BF16, bitsandbytes 0.50 rearranges a layer for inference the first time that
    it answers, for good: from then on it multiplies in bf16 and lets no gradient through to what lies
    below it. A training answers first (to replay, to be judged), so its layers are told not to."""
    from bitsandbytes.nn.modules import Linear4bit

    for one in model.modules():
        if isinstance(one, Linear4bit):
            one.support_avx512bf16_for_cpu = False


def keep_precise(model: Any) -> None:
    """TRL makes the adapter of a model in four bits bf16, as is done on a GPU. On a CPU small steps of bf16
    are lost, and where it has AVX512-BF16 some trainings met a loss that was no number at the first step."""
    for name, one in model.named_parameters():
        if ".lora_" in name:
            one.data = one.data.float()
