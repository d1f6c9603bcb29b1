"""Eigenvalues at the ends of a symmetric operator's spectrum, by Lanczos with full reorthogonalisation.

G. H. Golub and C. F. Van Loan, Matrix Computations (4th ed. 2013), sections 10.1 to 10.3; B. N. Parlett, The Symmetric
Eigenvalue Problem (SIAM 1998), chapter 13.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from torch import Tensor

from landscape.krylov import Krylov, SymmetricOperator
from landscape.results import EigenPairs, Floats

Progress = Callable[[int, float], None]  # (products so far, largest relative residual of the wanted, NaN at first)


def top_eigenpairs(
    H: SymmetricOperator | Tensor,
    k: int = 1,
    *,
    tolerance: float = 1e-3,
    max_products: int | None = None,
    generator: torch.Generator | None = None,
    start: Tensor | None = None,
    bottom: int = 1,
    progress: Progress | None = None,
) -> EigenPairs:
    """The k algebraically largest eigenvalues and their vectors, and the smallest ones as the same space shows them.

    Stops when |β_m s_mi| ≤ tolerance · |θ_i| for the k largest Ritz values θ_i, then measures ‖Hv - λv‖ for the first.
    A residual below the rounding of ‖H‖ counts as converged, or an eigenvalue of zero never would.

    When the space turns out to be invariant, Lanczos goes on from a random vector orthogonal to it until what that
    finds lies below the k largest, so that repeated eigenvalues count as often as they occur. Short of an invariant
    space, a repeated eigenvalue is found once, and one whose vector the start hardly contains may be missed: repeat
    with another seed.

    The basis takes n numbers for each product, in the operator's dtype.

    Args:
        H: The operator (n, n); a dense symmetric matrix will do.
        k: How many eigenvalues.
        tolerance: Relative residual at which an eigenvalue counts as converged.
        max_products: The most products to use, the residual's included; 10·k + 90 by default. When they are used up,
            ``converged`` is False where the residuals reached are too large.
        generator: Of the start; by default one with seed 0.
        start: A vector (n,) to start from, such as the gradient; a random one of the same length is added, so that no
            eigenvector is left out. By default the random one alone.
        bottom: How many eigenvalues from the other end, as far as the basis has them. They do not delay the stop.
        progress: Called after each product with the number of products and the largest relative residual.

    Raises:
        ValueError: k exceeds the operator's size, another argument is out of range, or a product is not finite.
    """
    krylov = Krylov(H, generator if generator is not None else torch.Generator().manual_seed(0), start)
    if not 1 <= k <= krylov.size:
        raise ValueError(f"k={k} must be between 1 and the operator's size {krylov.size}")
    if not (math.isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"tolerance={tolerance} must be a positive number")
    if bottom < 0:
        raise ValueError(f"bottom={bottom} must not be negative")
    if max_products is not None and max_products < k + 1:
        raise ValueError(f"max_products={max_products} cannot show k={k} eigenvalues; pass at least {k + 1}")
    limit = 10 * k + 90 if max_products is None else max_products
    residual, done = math.nan, False
    while not done:
        krylov.step()
        last = krylov.count == krylov.size or krylov.count + 1 == limit  # one product is kept for the residual
        if last or krylov.invariant or krylov.count % max(1, krylov.count // 25) == 0:
            ritz = _ritz(krylov)
            residual = ritz.worst(k)
            done = last or ritz.settled(k, tolerance)
        if progress is not None:
            progress(krylov.count, residual)
    return _pairs(krylov, ritz, k, min(bottom, krylov.count), tolerance)


@dataclass(frozen=True)
class _Ritz:
    """The eigenvalues of T, largest first, and how well they are those of the operator."""

    values: Floats  # (m,)
    residuals: Floats  # (m,) |β s|: the open end of the recurrence times the last component of the eigenvector
    coordinates: Floats  # (m, m) the eigenvectors in the basis, one a column
    newest: NDArray[np.bool_]  # (m,) whether from the latest block
    met_invariant: bool  # whether the basis spans, or contains, an invariant space
    resolution: float  # what rounding leaves of a zero

    def converged(self, tolerance: float) -> NDArray[np.bool_]:
        return self.residuals <= np.maximum(tolerance * np.abs(self.values), self.resolution)

    def worst(self, k: int) -> float:
        """The largest relative residual of the k largest; NaN as long as there are fewer."""
        if len(self.values) < k:
            return math.nan
        sizes = np.maximum(np.abs(self.values[:k]), max(self.resolution, np.finfo(float).tiny))
        return float((self.residuals[:k] / sizes).max())

    def settled(self, k: int, tolerance: float) -> bool:
        """Whether the k largest have converged, and no further block could add to them.

        A block that begins outside of an invariant space cannot find more than the one before it did. So the largest
        value of the latest one has to have converged, and k values have to be at least as large.
        """
        converged = self.converged(tolerance)
        if len(self.values) < k or not converged[:k].all():
            return False
        if not self.met_invariant:
            return True
        largest = int(np.flatnonzero(self.newest)[0])
        as_large = np.count_nonzero(self.values >= self.values[largest] - self.resolution)
        return bool(converged[largest] and as_large >= k)


def _ritz(krylov: Krylov) -> _Ritz:
    coordinates = np.zeros((krylov.count, krylov.count))
    values, residuals = np.empty(krylov.count), np.empty(krylov.count)
    first = 0
    for block in krylov.blocks:
        here = slice(first, first + len(block.alphas))
        values[here], coordinates[here, here] = eigh_tridiagonal(block.alphas, block.betas[:-1])
        residuals[here] = np.abs(block.betas[-1] * coordinates[here.stop - 1, here])
        first = here.stop
    order = np.argsort(-values, kind="stable")
    return _Ritz(
        values[order],
        residuals[order],
        coordinates[:, order],
        newest=order >= first - len(krylov.blocks[-1].alphas),
        met_invariant=krylov.invariant or len(krylov.blocks) > 1,
        resolution=krylov.resolution,
    )


def _pairs(krylov: Krylov, ritz: _Ritz, k: int, bottom: int, tolerance: float) -> EigenPairs:
    """The wanted ends as a result, with one product spent on the residual of the first."""
    first = _vector(krylov, ritz.coordinates[:, 0])
    defect = (krylov.H @ first).double() - float(ritz.values[0]) * first.double()
    # The recurrence does not know of rounding: what it says below that is no bound.
    ritz.residuals[:] = np.maximum(ritz.residuals, krylov.resolution)
    ritz.residuals[0] = float(torch.linalg.vector_norm(defect))

    def end(places: range) -> EigenPairs:
        return EigenPairs(
            values=ritz.values[places],
            residuals=ritz.residuals[places],
            converged=ritz.converged(tolerance)[places],
            products=krylov.count + 1,
            vectors=np.stack([_vector(krylov, ritz.coordinates[:, place]).cpu().numpy() for place in places]),
            asymmetry=krylov.asymmetry,
        )

    count = len(ritz.values)
    return replace(end(range(k)), bottom=end(range(count - 1, count - 1 - bottom, -1)) if bottom else None)


def _vector(krylov: Krylov, coordinates: Floats) -> Tensor:
    """The eigenvector (n,); of its two signs, that which makes its largest component positive."""
    vector = krylov.combine(torch.from_numpy(coordinates.copy()))
    return vector * vector[vector.abs().argmax()].sign()
