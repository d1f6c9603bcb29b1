"""An operator on its active coordinates alone, where these are few: vectors are as much shorter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from landscape.linalg.protocols import MaskedOperator, SymmetricOperator
from landscape.processes import ALONE, Processes
from landscape.results import EigenPairs

FEW = 0.5  # of all coordinates


class ActiveOperator:
    """The rows and columns (m, m) of an operator (n, n) that belong to its spectrum.

    Args:
        H: The operator.
        places: (m,) its active coordinates, ascending.
    """

    def __init__(self, H: SymmetricOperator, places: Tensor) -> None:
        self.H, self.places = H, places
        self.shape = (len(places), len(places))
        self.dtype, self.device = H.dtype, H.device
        self.processes: Processes = getattr(H, "processes", ALONE)

    @property
    def relative_error(self) -> float:
        """Of a product, beside rounding."""
        return float(getattr(self.H, "relative_error", 0.0))

    def __matmul__(self, vector: Tensor) -> Tensor:
        """Return the product with a vector (m,)."""
        return self.shortened(self.H @ self.grown(vector))

    def shortened(self, vector: Tensor) -> Tensor:
        """Return the active coordinates (m,) of a vector (n,)."""
        return vector.to(self.places.device)[self.places]

    def grown(self, vector: Tensor) -> Tensor:
        """Return a vector (n,) with these (m,) at the active coordinates, and zeros at the others."""
        return vector.new_zeros(self.H.shape[0]).index_copy_(0, self.places, vector)

    def whole(self, pairs: EigenPairs) -> EigenPairs:
        """Return eigenvectors (k, m) as those of H (k, n). What continues them stays short."""
        bottom = self.whole(pairs.bottom) if pairs.bottom is not None else None
        assert pairs.vectors is not None
        vectors = np.zeros((len(pairs.vectors), self.H.shape[0]), pairs.vectors.dtype)
        vectors[:, self.places.cpu().numpy()] = pairs.vectors
        return replace(pairs, vectors=vectors, bottom=bottom)


def held_size(n: int, active: int) -> int:
    """Return the length of the vectors that are held of an operator (n, n): of n numbers, if few of them are active.

    >>> held_size(1000, 900), held_size(1000, 40)
    (1000, 40)
    """
    return active if active <= FEW * n else n


def on_active(H: SymmetricOperator | Tensor) -> ActiveOperator | None:
    """Return the operator on its active coordinates, if these are few; None if they are not, or if vectors are slices.

    >>> on_active(torch.eye(3)) is None
    True
    """
    if not isinstance(H, MaskedOperator) or getattr(H, "processes", ALONE).sliced:
        return None
    n = int(H.shape[0])
    if held_size(n, H.active) == n:
        return None
    places = torch.nonzero(H.project(torch.ones(n, dtype=H.dtype, device=H.device))).flatten()
    return ActiveOperator(H, places)
