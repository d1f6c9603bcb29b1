"""The binary cross-entropy of items and all attributes, and its gradient, without ever holding all logits.

Logits are positions × attributes, the largest tensor of S3Rec's pre-training. Here they are made in blocks, and the
gradient is taken from each block while it is in the cache: sigmoids, that the loss is then computed from.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

LOGITS_AT_ONCE = 2**18  # 1 MB


def attribute_loss(projected: Tensor, table: Tensor, described: Tensor, attributes: Tensor) -> Tensor:
    """The sum of −log σ(z) over attributes that positions have, and of −log(1 − σ(z)) over all others.

    The logits z are projected · tableᵀ, and an attribute that is listed twice counts twice.

    Differentiable once: for the steps of training. ``losses.s3rec`` has the same in operations that autograd knows.

    Args:
        projected: (P, d).
        table: (A, d), of all attributes.
        described: (M,) which of the positions has …, ascending
        attributes: (M,) … this attribute.

    Returns:
        A scalar.

    Example:
        >>> one, none = torch.zeros(1, 1), torch.zeros(0, dtype=torch.int64)
        >>> round(attribute_loss(one, one, none, none).item(), 4)  # −log(1 − σ(0)) = log 2
        0.6931
    """
    total: Tensor = _AttributeLoss.apply(projected, table, described, attributes)  # type: ignore[no-untyped-call]
    return total


class _AttributeLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, projected: Tensor, table: Tensor, described: Tensor, attributes: Tensor) -> Tensor:
        by_projected, by_table = torch.empty_like(projected), torch.zeros_like(table)
        total = projected.new_zeros(())
        size = max(1, LOGITS_AT_ONCE // len(table))
        firsts = range(0, len(projected), size)
        bounds = torch.searchsorted(described, torch.tensor([*firsts, len(projected)])).tolist()
        for first, start, end in zip(firsts, bounds[:-1], bounds[1:], strict=True):
            rows = projected[first : first + size]
            entries = (described[start:end] - first) * len(table) + attributes[start:end]
            logits = rows @ table.T  # (b, A)
            derivative = torch.sigmoid(logits)
            # softplus(z) = max(z, 0) − log(1 − σ(−|z|)), and σ(−|z|) is the smaller of σ and 1 − σ: exact to rounding
            # for any z, as 1 − σ is inexact only where it is added to a large z.
            smaller = torch.minimum(derivative, 1 - derivative)
            total -= smaller.neg_().log1p_().sum()
            total -= logits.view(-1)[entries].sum()  # softplus(−z) = softplus(z) − z
            total += logits.clamp_min_(0).sum()
            derivative.view(-1).index_add_(0, entries, derivative.new_full((), -1.0).expand(len(entries)))
            torch.mm(derivative, table, out=by_projected[first : first + size])
            by_table.addmm_(derivative.T, rows)
        ctx.save_for_backward(by_projected, by_table)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        (gradient,) = gradients
        by_projected, by_table = ctx.saved_tensors
        return gradient * by_projected, gradient * by_table, None, None
