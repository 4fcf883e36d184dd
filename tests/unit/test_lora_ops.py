"""LoRA in mixed batches on CPU: rows of the base get nothing from any adapter."""

from typing import Any

import pytest

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

MAX_LORAS, RANK, WIDTH, SLICES = 2, 8, 24, (16, 8, 8)
BATCHES = [
    (0,), (-1,), (1, 1, 1), (-1, 0, 1), (0, 0, 1, 1, -1), (0, 1, 0, 1, -1, -1, 0), (1, -1, 0, -1),
]  # fmt: skip


def wrapper_of(name: str) -> Any:
    """An instance of vLLM's CPU wrapper: "stock", or the one in use once the plugin is registered."""
    from vllm.utils.import_utils import resolve_obj_by_qualname

    if name == "stock":
        from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU

        return PunicaWrapperCPU(64, 16, "cpu")
    from vllm.platforms.cpu import CpuPlatform

    from app.engine.plugin import register

    register()
    return resolve_obj_by_qualname(CpuPlatform.get_punica_wrapper())(64, 16, "cpu")


def with_rows(wrapper: Any, slots: tuple[int, ...]) -> Any:
    from vllm.lora.layers import LoRAMapping

    adapters = tuple(slot + 1 for slot in slots)  # vLLM's ids: 0 is the base
    mapping = LoRAMapping(adapters, adapters, is_prefill=True)
    wrapper.update_metadata(mapping, [1, 2], MAX_LORAS + 1, 100)
    return wrapper


def weights(dtype: Any) -> tuple[Any, Any]:
    import torch

    torch.manual_seed(7)
    a = tuple(torch.randn(MAX_LORAS, 1, RANK, WIDTH).to(dtype) for _ in SLICES)
    b = tuple(torch.randn(MAX_LORAS, 1, out, RANK).to(dtype) for out in SLICES)
    return a, b


def naive(y: Any, x: Any, a: Any, b: Any, slots: tuple[int, ...], scale: float) -> Any:
    y = y.double().clone()
    for row, slot in enumerate(slots):
        offset = 0
        for part, out in enumerate(SLICES):
            if slot >= 0:
                low = a[part][slot, 0].double() @ x[row].double()
                y[row, offset : offset + out] += scale * (b[part][slot, 0].double() @ low)
            offset += out
    return y


def run(
    name: str, slots: tuple[int, ...], dtype_name: str = "float32", scale: float = 0.5
) -> tuple[Any, Any]:
    import torch

    dtype = getattr(torch, dtype_name)
    a, b = weights(dtype)
    x = torch.randn(len(slots), WIDTH).to(dtype)
    y = torch.randn(len(slots), sum(SLICES)).to(dtype)
    expected = naive(y, x, a, b, slots, scale)
    with_rows(wrapper_of(name), slots).add_lora_linear(y, x, a, b, scale, SLICES)
    return y.double(), expected


@pytest.mark.parametrize("slots", BATCHES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_linear_equals_the_naive_product(slots: tuple[int, ...], dtype: str) -> None:
    import torch

    got, expected = run("mended", slots, dtype)
    near = {"rtol": 1e-4, "atol": 1e-4} if dtype == "float32" else {"rtol": 2e-2, "atol": 0.15}
    torch.testing.assert_close(got, expected, **near)


def test_stock_ops_contaminate_the_base() -> None:
    """When this fails, vLLM has mended its ops: the plugin is then only a matter of speed."""
    got, expected = run("stock", (-1, 0, 1))
    assert (got[0] - expected[0]).abs().max() > 0.1
    assert (got[1:] - expected[1:]).abs().max() < 1e-3


def test_rows_without_an_adapter_stay_exactly_as_they_were() -> None:
    import torch

    slots = (-1, 0, -1, 1, -1)
    for dtype in (torch.float32, torch.bfloat16):
        a, b = weights(dtype)
        x = torch.randn(len(slots), WIDTH).to(dtype)
        y = torch.randn(len(slots), sum(SLICES)).to(dtype)
        before = y.clone()
        with_rows(wrapper_of("mended"), slots).add_lora_linear(y, x, a, b, 1.0, SLICES)
        assert torch.equal(y[[0, 2, 4]], before[[0, 2, 4]])
        assert not torch.equal(y[[1, 3]], before[[1, 3]])


@pytest.mark.parametrize("slots", [s for s in BATCHES if -1 not in s])
def test_every_entry_point_equals_stock_where_stock_is_right(slots: tuple[int, ...]) -> None:
    import torch

    a, b = weights(torch.float32)
    x = torch.randn(len(slots), WIDTH)
    results = []
    for name in ("stock", "mended"):
        wrapper = with_rows(wrapper_of(name), slots)
        shrunk = torch.zeros(len(SLICES), len(slots), RANK)
        wrapper.add_shrink(shrunk, x, a, 0.5)
        expanded = torch.ones(len(slots), sum(SLICES))
        wrapper.add_expand(expanded, shrunk, b, SLICES, add_inputs=True)
        assigned = torch.ones(len(slots), sum(SLICES) + 4)  # the model's own padding
        wrapper.add_expand(assigned, shrunk, b, SLICES, offset_start=2, add_inputs=False)
        embedded = torch.ones(len(slots), SLICES[0] - 3)  # narrower than the adapter's
        wrapper.add_lora_embedding(embedded, shrunk[0], b[0])
        logits = torch.ones(len(slots), SLICES[0])
        wrapper.add_lora_logits(logits, x, a[0], b[0], 0.5)
        results.append((shrunk, expanded, assigned, embedded, logits))
    for stock, mended in zip(*results, strict=True):
        torch.testing.assert_close(mended, stock, rtol=1e-4, atol=1e-4)
