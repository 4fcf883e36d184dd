"""The entry point ``vllm.general_plugins``: vLLM calls ``register`` in each of its processes."""

import importlib.util
import os
import warnings

CHECKED = "0.32.0"  # the release whose wrapper app/engine/lora.py was checked against
WRAPPER = "app.engine.lora.GroupedPunicaWrapper"
LEADER = "SIMURGH_ENGINE_LEADER"  # pid of our engine's process, inherited by those that vLLM starts


def register() -> None:
    """Mend LoRA on CPU; GPU kernels are not affected and left alone. May be called again and again."""
    leader = os.environ.get(LEADER)
    if leader is not None and leader != str(os.getpid()):
        from app.engine.orphans import die_with_parent

        die_with_parent()
    from vllm.platforms import current_platform

    if not current_platform.is_cpu():
        return
    if not base_gets_adapter():
        return
    import vllm

    release = vllm.__version__.partition("+")[0].removesuffix(".cpu")
    if release != CHECKED:
        warnings.warn(
            f"vLLM {release} mixes adapters into base answers; the mend was checked with {CHECKED} only",
            RuntimeWarning,
            stacklevel=2,
        )
    from vllm.platforms.cpu import CpuPlatform

    CpuPlatform.get_punica_wrapper = classmethod(lambda cls: WRAPPER)


def base_gets_adapter() -> bool:
    """Whether this vLLM's torch ops give a row without an adapter (-1) the last slot's product."""
    if importlib.util.find_spec("vllm.lora.ops.torch_ops") is None:
        return False
    import torch
    from vllm.lora.ops.torch_ops import bgmv_shrink

    out = torch.zeros(1, 1)
    bgmv_shrink(torch.ones(1, 1), torch.ones(2, 1, 1, 1), out, torch.tensor([-1]))
    return bool(out.abs().sum() > 0)
