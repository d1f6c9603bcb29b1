"""The loss of a softmax over all items, without ever holding all its scores.

Full scores of a batch are positions × items, by far the largest tensor of training. Here they are made in blocks of
positions, and the gradient is taken from each block while it is there.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

SCORES_AT_ONCE = 2**22  # 16 MB, which stay in a processor's cache


def softmax_loss(hidden: Tensor, table: Tensor, targets: Tensor) -> Tensor:
    """The sum over positions of −log softmax(hidden · tableᵀ) at the target.

    Twice differentiable. The first derivative costs one product of scores more than the value, no further memory.

    Args:
        hidden: (P, d).
        table: (V, d).
        targets: (P,) rows of the table; −1 where there is none.

    Returns:
        A scalar.
    """
    if not torch.is_grad_enabled():
        return torch.stack([_value(*block, table) for block in _blocks(hidden, targets, table)]).sum()
    total: Tensor = _SoftmaxLoss.apply(hidden, table, targets)  # type: ignore[no-untyped-call]  # torch's
    return total


class _SoftmaxLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, table: Tensor, targets: Tensor) -> Tensor:
        total = hidden.new_zeros(())
        by_hidden, by_table = torch.empty_like(hidden), torch.zeros_like(table)
        done = 0
        for rows, aims in _blocks(hidden, targets, table):
            real = (aims >= 0).to(hidden.dtype)[:, None]  # (b, 1)
            aims = aims.clamp_min(0)[:, None]
            scores = rows @ table.T  # (b, V)
            derivative = torch.softmax(scores, 1)
            # log Σ exp s = max s − log softmax(max s), and that softmax is at least 1/V: cheaper than its own pass.
            normaliser = scores.amax(1, keepdim=True) - derivative.amax(1, keepdim=True).log()
            total += ((normaliser - scores.gather(1, aims)) * real).sum()
            derivative.mul_(real)  # by the scores it is softmax, less 1 at the target
            derivative.scatter_add_(1, aims, -real)
            torch.mm(derivative, table, out=by_hidden[done : done + len(rows)])
            by_table.addmm_(derivative.T, rows)
            done += len(rows)
        ctx.save_for_backward(hidden, table, targets, by_hidden, by_table)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (gradient,) = gradients
        hidden, table, targets, by_hidden, by_table = ctx.saved_tensors
        if torch.is_grad_enabled():  # to be differentiated again: by operations that autograd knows
            blocks = [
                checkpoint(_derivatives, *block, table, use_reentrant=False)
                for block in _blocks(hidden, targets, table)
            ]
            by_hidden = torch.cat([rows for rows, _ in blocks])
            by_table = torch.stack([rows for _, rows in blocks]).sum(0)
        return gradient * by_hidden, gradient * by_table, None


def _blocks(hidden: Tensor, targets: Tensor, table: Tensor) -> list[tuple[Tensor, Tensor]]:
    size = max(1, SCORES_AT_ONCE // len(table))
    return list(zip(hidden.split(size), targets.split(size), strict=True))


def _value(hidden: Tensor, targets: Tensor, table: Tensor) -> Tensor:
    return F.cross_entropy(hidden @ table.T, targets, ignore_index=-1, reduction="sum")


def _derivatives(hidden: Tensor, targets: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """By ``hidden`` (b, d) and by ``table`` (V, d)."""
    real = (targets >= 0).to(hidden.dtype)[:, None]
    ones = torch.zeros(len(hidden), len(table), dtype=hidden.dtype, device=hidden.device)
    ones = ones.scatter_(1, targets.clamp_min(0)[:, None], real)
    derivative = torch.softmax(hidden @ table.T, 1) * real - ones  # (b, V)
    return derivative @ table, derivative.T @ hidden
