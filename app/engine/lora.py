"""LoRA in a mixed batch on CPU: one matrix product an adapter, and nothing for the base's rows.

vLLM's torch ops index the stacked weights with one slot number a token. That copies a weight matrix
for every token, and the base's -1 means the *last* slot: when every slot is filled, the base answers
with that adapter's voice. Here rows are grouped by slot once a step; rows of -1 are in no group.

Shapes: x (rows, in), y (rows, out), A (slots, 1, rank, in), B (slots, 1, out, rank).
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU

Rows: TypeAlias = slice | torch.Tensor
Groups: TypeAlias = list[tuple[int, Rows]]  # (slot, its rows); a slot is there at most once


def group(indices: torch.Tensor) -> Groups:
    """Rows by slot, -1 left out. A run of neighbours becomes a slice, which copies nothing."""
    rows: dict[int, list[int]] = {}
    for row, slot in enumerate(indices.tolist()):
        if slot >= 0:
            rows.setdefault(slot, []).append(row)
    return [
        (slot, slice(r[0], r[-1] + 1) if r[-1] - r[0] + 1 == len(r) else torch.tensor(r))
        for slot, r in sorted(rows.items())
    ]


def _matrix(stacked: torch.Tensor, slot: int) -> torch.Tensor:
    weight = stacked[slot]
    return weight.squeeze(0) if weight.dim() == 3 else weight


def shrink(y: torch.Tensor, x: torch.Tensor, a: torch.Tensor, groups: Groups, scale: float) -> None:
    """y[rows, :rank] = scale * x[rows] @ A[slot].T, zero for rows in no group."""
    rank = a.shape[-2]
    y[:, :rank] = 0
    for slot, rows in groups:
        y[rows, :rank] = scale * (x[rows].to(y.dtype) @ _matrix(a, slot).to(y.dtype).T)


def expand(
    y: torch.Tensor,
    x: torch.Tensor,
    b: torch.Tensor,
    groups: Groups,
    *,
    offset: int = 0,
    size: int | None = None,
    add: bool = True,
) -> None:
    """y[rows, offset:offset+size] += x[rows] @ B[slot].T; with ``add=False`` it is assigned instead.

    Products are made in float32: on a CPU without bf16 instructions that is 5 to 40 times faster.
    Model and adapter may pad the output differently; the columns that both have are used.
    """
    width = min(b.shape[-2] if size is None else size, y.shape[1] - offset)
    target = y[:, offset : offset + width]
    if not add:
        target.zero_()
    for slot, rows in groups:
        product = (x[rows].float() @ _matrix(b, slot)[:width].float().T).to(y.dtype)
        if isinstance(rows, slice):
            target[rows].add_(product)
        else:
            target.index_add_(0, rows, product)


class GroupedPunicaWrapper(PunicaWrapperCPU):  # type: ignore[misc]  # vLLM is untyped
    """vLLM's CPU wrapper with the products above; the platform hook ``get_punica_wrapper`` names it."""

    _tokens: Groups = []  # replaced, never changed
    _samples: Groups = []

    def update_metadata(self, *args: Any, **kwargs: Any) -> None:
        super().update_metadata(*args, **kwargs)
        self._tokens = group(self.token_lora_indices)
        self._samples = group(self.sampler_indices)

    def add_shrink(
        self, y: Any, x: torch.Tensor, lora_a_stacked: Sequence[torch.Tensor], scale: float, **kwargs: Any
    ) -> None:
        x = x.view(-1, x.shape[-1])
        for index, a in enumerate(lora_a_stacked):
            shrink(y[index].view(-1, y[index].shape[-1]), x, a, self._tokens, scale)

    def add_expand(
        self,
        y: torch.Tensor,
        x: Any,
        lora_b_stacked: Sequence[torch.Tensor],
        output_slices: Sequence[int],
        offset_start: int = 0,
        add_inputs: bool = True,
        **kwargs: Any,
    ) -> None:
        y = y.view(-1, y.shape[-1])
        offset = offset_start
        for index, b in enumerate(lora_b_stacked):
            expand(y, x[index], b, self._tokens, offset=offset, size=output_slices[index], add=add_inputs)
            offset += output_slices[index]

    def add_lora_embedding(
        self,
        y: torch.Tensor,
        x: torch.Tensor,
        lora_b_stacked: torch.Tensor,
        add_inputs: bool = True,
        **kwargs: Any,
    ) -> None:
        expand(y, x, lora_b_stacked, self._tokens, add=add_inputs)

    def add_lora_linear(
        self,
        y: torch.Tensor,
        x: torch.Tensor,
        lora_a_stacked: Sequence[torch.Tensor],
        lora_b_stacked: Sequence[torch.Tensor],
        scale: float,
        output_slices: Sequence[int],
        *,
        buffer: Sequence[torch.Tensor] | None = None,
        **kwargs: Any,
    ) -> None:
        if not self._tokens:
            return
        x = x.view(-1, x.shape[-1])
        y = y.view(-1, y.shape[-1])
        for slot, rows in self._tokens:
            part = x[rows].float()  # (rows of the slot, in), converted once for all slices
            offset = 0
            for a, b, size in zip(lora_a_stacked, lora_b_stacked, output_slices, strict=True):
                low = part @ _matrix(a, slot).float().T
                product = (low @ _matrix(b, slot)[:size].float().T).mul_(scale).to(y.dtype)
                target = y[:, offset : offset + size]
                if isinstance(rows, slice):
                    target[rows].add_(product)
                else:
                    target.index_add_(0, rows, product)
                offset += size

    def add_lora_logits(
        self,
        y: torch.Tensor,
        x: torch.Tensor,
        lora_a_stacked: torch.Tensor,
        lora_b_stacked: torch.Tensor,
        scale: float,
        *,
        buffer: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> None:
        y = y.view(-1, y.shape[-1])
        x = x.view(-1, x.shape[-1])
        if buffer is None:
            buffer = torch.zeros((x.shape[0], lora_b_stacked.shape[-1]), dtype=torch.float32)
        shrink(buffer, x, lora_a_stacked, self._samples, scale)
        expand(y, buffer, lora_b_stacked, self._samples)
