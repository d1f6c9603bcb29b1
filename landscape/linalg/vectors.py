"""Norms, unit vectors and inner products of flat vectors, summed in float64."""

from __future__ import annotations

import torch
from torch import Tensor

from landscape.processes import ALONE, Processes

PIECE = 2**20  # entries of which copies in float64 are made at once


def norm(vector: Tensor, processes: Processes = ALONE) -> float:
    """Return ‖v‖₂, summed in float64, of a vector (n,) or of the one whose slices the processes have.

    >>> norm(torch.tensor([3.0, 4.0]))
    5.0
    """
    return float(length(vector, processes))


def inner(u: Tensor, v: Tensor) -> Tensor:
    """Return uᵀv (), summed in float64, without waiting for the device; of long vectors, piece by piece."""
    pieces = zip(u.split(PIECE), v.split(PIECE), strict=True)
    return torch.stack([one.double() @ other.double() for one, other in pieces]).sum()


def dot(u: Tensor, v: Tensor, processes: Processes = ALONE) -> float:
    """Return uᵀv, summed in float64, of vectors (n,) or of those whose slices the processes have.

    >>> dot(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    11.0
    """
    return float(processes.across(inner(u, v)))


def unit(vector: Tensor, processes: Processes = ALONE) -> Tensor:
    """Return v / ‖v‖ in the dtype of v, without waiting for the device; NaN for a vector of zeros.

    >>> unit(torch.tensor([3.0, 4.0]))
    tensor([0.6000, 0.8000])
    """
    return vector.div(length(vector, processes).to(vector.dtype))


def length(vector: Tensor, processes: Processes = ALONE) -> Tensor:
    """Return ‖v‖ () as ``norm`` does, without waiting for the device."""
    own: Tensor = torch.linalg.vector_norm(vector, dtype=torch.float64)
    return processes.across(own.square()).sqrt() if processes.sliced else own
