"""Norms, unit vectors and inner products of flat vectors, summed in float64."""

from __future__ import annotations

import torch
from torch import Tensor

PIECE = 2**24  # entries of which copies in float64 are made at once


def norm(vector: Tensor) -> float:
    """Return ‖v‖₂, summed in float64.

    >>> norm(torch.tensor([3.0, 4.0]))
    5.0
    """
    return float(torch.linalg.vector_norm(vector, dtype=torch.float64))


def inner(u: Tensor, v: Tensor) -> Tensor:
    """Return uᵀv (), summed in float64, without waiting for the device; of long vectors, piece by piece."""
    pieces = zip(u.split(PIECE), v.split(PIECE), strict=True)
    return torch.stack([one.double() @ other.double() for one, other in pieces]).sum()


def dot(u: Tensor, v: Tensor) -> float:
    """Return uᵀv, summed in float64.

    >>> dot(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    11.0
    """
    return float(inner(u, v))


def unit(vector: Tensor) -> Tensor:
    """Return v / ‖v‖ in the dtype of v, without waiting for the device; NaN for a vector of zeros.

    >>> unit(torch.tensor([3.0, 4.0]))
    tensor([0.6000, 0.8000])
    """
    length = torch.linalg.vector_norm(vector, dtype=torch.float64)
    return vector.div(length.to(vector.dtype))
