"""The eigenvalues of T, the small matrix of Lanczos, and how well they approximate those of the operator.

B. N. Parlett, The Symmetric Eigenvalue Problem (SIAM 1998), chapter 13.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from landscape.linalg.krylov import Block, Krylov
from landscape.results import Floats, Integers


@dataclass(frozen=True)
class Ritz:
    """The eigenvalues of T, largest first, and how well they approximate those of the operator."""

    values: Floats  # (m,)
    couplings: Floats  # (m,) Hy − value · y = coupling · u, with the basis vector u to be multiplied next
    coordinates: Floats  # (m, m) the eigenvectors in the basis, one a column
    blocks: Integers  # (m,) the block of T that each belongs to
    met_invariant: bool  # whether the basis spans, or contains, an invariant space
    resolution: float  # the rounding error: smaller values count as zero

    @property
    def residuals(self) -> Floats:
        """‖Hy − value · y‖ (m,), up to rounding."""
        return np.abs(self.couplings)

    @property
    def largest_of_last(self) -> int:
        """The index of the latest block's largest value."""
        return int(np.argmax(self.blocks))

    def allowed(self, tolerance: float) -> Floats:
        """Return the residuals (m,) up to which a value counts as converged: the tolerance, but at least rounding."""
        return np.maximum(tolerance * np.abs(self.values), self.resolution)

    def worst(self, k: int) -> float:
        """Return the largest relative residual of the k largest; NaN as long as there are fewer."""
        if len(self.values) < k:
            return math.nan
        sizes = np.maximum(np.abs(self.values[:k]), max(self.resolution, np.finfo(float).tiny))
        return float((self.residuals[:k] / sizes).max())

    def settled(self, k: int, tolerance: float) -> bool:
        """Return whether the k largest have converged, and no further block could add to them.

        A block that starts outside of an invariant space has no larger eigenvalue than the block before it. So the
        largest value of the latest block has to have converged, and k values have to be at least as large. Values of
        an earlier block that a restart dropped do not matter: they were smaller than k others.
        """
        converged = self.residuals <= self.allowed(tolerance)
        if len(self.values) < k or not converged[:k].all():
            return False
        if not self.met_invariant:
            return True
        largest = self.largest_of_last
        as_large = np.count_nonzero(self.values >= self.values[largest] - self.resolution)
        return bool(converged[largest] and as_large >= k)

    def worth_keeping(self, top: int, bottom: int) -> NDArray[np.bool_]:
        """Select (m,) what a restart must keep: both ends, and the largest of the latest block."""
        places = np.arange(len(self.values))
        kept: NDArray[np.bool_] = (places < top) | (places >= len(places) - bottom) | (places == self.largest_of_last)
        return kept

    def restart(self, krylov: Krylov, kept: NDArray[np.bool_]) -> None:
        """Reduce the basis that these were computed from to the kept (m,) ones."""
        blocks, order = [], []
        for number in range(len(krylov.blocks)):
            here = np.flatnonzero(kept & (self.blocks == number))
            blocks.append(Block(self.values[here].tolist(), self.couplings[here].tolist()))
            order.append(here)
        krylov.restart(kept, blocks, self.coordinates[:, np.concatenate(order)])


def ritz(krylov: Krylov) -> Ritz:
    """Compute the eigenvalues of T, as approximations of the operator's."""
    coordinates = np.zeros((krylov.count, krylov.count))
    values, couplings = np.empty(krylov.count), np.empty(krylov.count)
    blocks = np.empty(krylov.count, int)
    first = 0
    for number, block in enumerate(krylov.blocks):
        here = slice(first, first + len(block.values) + len(block.alphas))
        values[here], couplings[here], coordinates[here, here] = _solve(block)
        blocks[here] = number
        first = here.stop
    order = np.argsort(-values, kind="stable")
    return Ritz(
        values[order],
        couplings[order],
        coordinates[:, order],
        blocks[order],
        met_invariant=krylov.invariant or len(krylov.blocks) > 1,
        resolution=krylov.resolution,
    )


def _solve(block: Block) -> tuple[Floats, Floats, Floats]:
    """Return a block's eigenvalues, their couplings with the next basis vector, and eigenvectors, one a column."""
    kept = len(block.values)
    if not block.alphas:
        return np.array(block.values), np.array(block.couplings), np.eye(kept)
    if kept:
        T = np.diag(block.values + block.alphas)
        T[kept, :kept] = block.couplings
        T[np.arange(kept + 1, len(T)), np.arange(kept, len(T) - 1)] = block.betas[:-1]
        values, vectors = np.linalg.eigh(T)  # reads the lower triangle
    else:
        values, vectors = eigh_tridiagonal(block.alphas, block.betas[:-1])
    return values, block.betas[-1] * vectors[-1], vectors
