"""Dropout whose random bits cost little on a CPU, and are those of a whole batch where a process has a share of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class BatchShare:
    """Which part of a batch a process computes: R' of R packed rows, and S' of S positions selected from all rows."""

    rows: Tensor  # (R',) numbers of rows of the whole batch
    n_rows: int
    selected: Tensor  # (S',) numbers of selected positions of the whole batch
    n_selected: int

    def of(self, shape: torch.Size) -> tuple[Tensor, int]:
        """Return the numbers of a tensor's entries in the whole one, and how many that has, both of the first axis.

        Tensors of rows have three axes or more, (R', …), those of selected positions two, (S', d).
        """
        return (self.rows, self.n_rows) if len(shape) > 2 else (self.selected, self.n_selected)


class Dropout(nn.Module):
    """Zero each element with probability p while training, and scale the others by 1/(1 − p).

    On a CPU, torch draws one Bernoulli variable at a time, which took a third of a training step. Here 64 random
    bits make four elements: p is rounded to a multiple of 2⁻¹⁶, and the scale is that of the rounded p, so that
    the expectation is exact. Bits come from torch's global generator, like those of ``torch.nn.Dropout``.

    Within ``masks_of_whole_batch`` the mask is that of the whole batch, of which the input is a share.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {p}")
        self.p = p
        self.share: BatchShare | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Drop elements of ``x``, of any shape."""
        if not self.training or self.p == 0:
            return x
        if x.device.type == "cpu":
            return x * self.mask(self.bits(x.shape), x.dtype)
        if self.share is None:
            return F.dropout(x, self.p)
        mine, length = self.share.of(x.shape)
        return x * F.dropout(x.new_ones(length, *x.shape[1:]), self.p)[mine]

    def added_to(self, x: Tensor, y: Tensor) -> Tensor:
        """Return x + the dropped y, of one shape."""
        if self.training and self.p > 0 and y.device.type == "cpu":
            return torch.addcmul(x, y, self.mask(self.bits(y.shape), y.dtype))
        dropped: Tensor = self(y)
        return x + dropped

    def bits(self, shape: torch.Size) -> Tensor:
        """Draw 16 random bits, as int16, for each entry of a tensor of this shape on a CPU."""
        mine, length = (None, shape[0]) if self.share is None else self.share.of(shape)
        whole = torch.Size((length, *shape[1:]))
        size = whole.numel()
        words = torch.empty((size + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        bits = words.view(torch.int16)[:size].view(whole)
        return bits if mine is None else bits[mine]

    def mask(self, bits: Tensor, dtype: torch.dtype) -> Tensor:
        """Return what entries with these bits are multiplied by: 0, or the scale."""
        keep = max(1, round((1 - self.p) * 2**16))
        # 16 bits are exact in float32. A comparison of floats in place takes a seventh of a boolean mask's time.
        return bits.to(torch.float32).lt_(keep - 2**15).to(dtype).mul_(2**16 / keep)


@contextmanager
def masks_of_whole_batch(model: nn.Module, share: BatchShare) -> Iterator[None]:
    """Have a model draw the masks of a whole batch and use the part of them that belongs to its inputs, a share of it.

    Processes whose random states are equal then drop together what one process would drop, and their states stay equal.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, Dropout)]
    for layer in layers:
        layer.share = share
    try:
        yield
    finally:
        for layer in layers:
            layer.share = None
