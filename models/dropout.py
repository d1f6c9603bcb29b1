"""Dropout whose random bits cost little on a CPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Dropout(nn.Module):
    """Zero each element with probability p while training, and scale the others by 1/(1 − p).

    On a CPU, torch draws one Bernoulli variable at a time, which took a third of a training step. Here 64 random
    bits make four elements: p is rounded to a multiple of 2⁻¹⁶, and the scale is that of the rounded p, so that
    the expectation is exact. Bits come from torch's global generator, like those of ``torch.nn.Dropout``.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Drop elements of ``x``, of any shape."""
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.p)
        keep = max(1, round((1 - self.p) * 2**16))
        words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.int16)[: x.numel()].view(x.shape) < keep - 2**15
        return x * kept.to(x.dtype).mul_(2**16 / keep)
