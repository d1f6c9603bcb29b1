"""Eigenvalues at the ends of a symmetric operator's spectrum, by Lanczos with full reorthogonalisation.

G. H. Golub and C. F. Van Loan, Matrix Computations (4th ed. 2013), sections 10.1 to 10.3; B. N. Parlett, The Symmetric
Eigenvalue Problem (SIAM 1998), chapter 13; K. Wu and H. Simon, Thick-Restart Lanczos Method for Large Symmetric
Eigenvalue Problems (SIAM Journal on Matrix Analysis and Applications 2000).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from landscape.linalg.krylov import ROWS, Krylov, SymmetricOperator, dimension
from landscape.linalg.ritz import Ritz, ritz
from landscape.results import EigenPairs, Integers, LanczosState

SPARE = 8  # eigenvectors beyond the wanted that a result keeps: with few of them, going on would cost more products
FEWEST = 4  # vectors beyond the wanted that a basis must have room for: between two restarts, it grows by at least two

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
    memory: int | None = None,
    resume_from: LanczosState | None = None,
) -> EigenPairs:
    """The k algebraically largest eigenvalues and their vectors, and the smallest ones as the same space shows them.

    Stops when |β_m s_mi| ≤ tolerance · |θ_i| for the k largest Ritz values θ_i, then measures ‖Hv - λv‖ for the first.
    A residual below the rounding of ‖H‖ counts as converged, or an eigenvalue of zero never would.

    When the space turns out to be invariant, Lanczos goes on from a random vector orthogonal to it until what that
    finds lies below the k largest, so that repeated eigenvalues count as often as they occur. Short of an invariant
    space, a repeated eigenvalue is found once, and one whose vector the start hardly contains may be missed: repeat
    with another seed.

    The basis takes n numbers for each product, in the operator's dtype: see ``eigen_bytes``. Where that exceeds
    ``memory``, it is reduced, whenever it is full, to the wanted Ritz vectors and half as many others of the largest as
    there is room for (thick restart). That costs products: for 8 of 2000 eigenvalues to 1e-6, a basis of 24 or 16
    vectors took 21 or 22 instead of 21 where they decay geometrically, 75 or 83 instead of 65 where they are drawn
    from Student's t with 3 degrees of freedom, and 562 or 1255 instead of 391 where the last two lie in a dense bulk.

    ``resume_from`` continues a run: the result's ``lanczos_state`` holds the k + ``bottom`` wanted Ritz vectors, 8 spare ones of
    the largest, and the next vector of the basis. What follows is a Krylov space reduced to these, so not bit for bit
    what one long run gives, but eigenvalues of the same operator within the same residuals, for a few products more
    (1 to 4 in all that was measured). What has converged already costs no product. A k larger than ``resume_from.top`` asks
    for eigenvalues that were dropped and to which the next vector is orthogonal: then, and likewise for a larger
    ``bottom``, the run starts anew.

    Args:
        H: The operator (n, n); a dense symmetric matrix will do.
        k: How many eigenvalues.
        tolerance: Relative residual at which an eigenvalue counts as converged.
        max_products: The most products to use, the residual's and those of ``resume_from`` included; 10·k + 90 by default.
            When they are used up, ``converged`` is False where the residuals reached are too large.
        generator: Of the start; by default one with seed 0. To continue, give it the seed it had.
        start: A vector (n,) to start from, such as the gradient; a random one of the same length is added, so that no
            eigenvector is left out. By default the random one alone.
        bottom: How many eigenvalues from the other end, as far as the basis has them. They do not delay the stop.
        progress: Called after each product with the number of products and the largest relative residual.
        memory: The bytes that the basis may take, with what reducing it takes; no bound by default. The vectors of
            the result, k + ``bottom`` + 8, come on top at the end.
        resume_from: The ``lanczos_state`` of a result for the same operator.

    Raises:
        ValueError: k exceeds the operator's size, another argument is out of range, ``memory`` is too little,
            ``resume_from`` does not fit, or a product is not finite.
    """
    size = dimension(H)
    if not 1 <= k <= size:
        raise ValueError(f"k={k} must be between 1 and the operator's size {size}")
    if not (math.isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"tolerance={tolerance} must be a positive number")
    if bottom < 0:
        raise ValueError(f"bottom={bottom} must not be negative")
    used = 0
    if resume_from is not None:
        _check(resume_from, H)
        used = resume_from.products
        if k > resume_from.top or bottom > resume_from.bottom:
            resume_from = None
    held = 0 if resume_from is None else len(resume_from.values)
    limit = 10 * k + 90 if max_products is None else max_products
    if held + max(0, limit - used - 1) < k:
        raise ValueError(f"max_products={limit} cannot show k={k} eigenvalues; pass at least {used + k - held + 1}")
    rows = None if memory is None else _rows(memory, H, max(min(k + bottom + FEWEST, size), held))
    generator = generator if generator is not None else torch.Generator().manual_seed(0)
    krylov = Krylov(H, generator, start, rows=rows, resume_from=resume_from)
    krylov.products = used  # of a run that starts anew, too
    found = _search(krylov, k, bottom, tolerance, limit, progress)
    return _pairs(krylov, found, k, bottom, tolerance, resume_from)


def eigen_bytes(n: int, k: int, bottom: int, products: int, dtype: torch.dtype) -> int:
    """The memory that ``top_eigenpairs`` takes beside a product, without a bound: its basis and its result's vectors.

    With a bound, it is the bound and the result's vectors: k + ``bottom`` + 8, as far as the basis has them.

    Args:
        n: The operator's dimension, coordinates that take no part included.
        k: How many eigenvalues.
        bottom: How many from the other end.
        products: The most products, the residual's included; the basis grows by a few vectors at a time, and is
            counted up to the last of these.
        dtype: The operator's.
    """
    count = min(products - 1, n)
    return (math.ceil(count / ROWS) * ROWS + min(k + SPARE + bottom, count)) * n * dtype.itemsize


def _search(krylov: Krylov, k: int, bottom: int, tolerance: float, limit: int, progress: Progress | None) -> Ritz:
    """Multiply until the k largest have converged; one product is kept for the residual."""
    found = ritz(krylov)
    residual = found.worst(k)
    done = krylov.complete or found.settled(k, tolerance) or krylov.products + 1 >= limit
    while not done:
        if krylov.rows is not None and krylov.full:
            spare = (krylov.rows - k - bottom - 1) // 2
            found.restart(krylov, found.worth_keeping(k + spare, bottom))
        krylov.step()
        last = krylov.complete or krylov.products + 1 >= limit
        if last or krylov.full or krylov.invariant or krylov.count % max(1, krylov.count // 25) == 0:
            found = ritz(krylov)
            residual = found.worst(k)
            done = last or found.settled(k, tolerance)
        if progress is not None:
            progress(krylov.products, residual)
    return found


def _pairs(
    krylov: Krylov, found: Ritz, k: int, bottom: int, tolerance: float, resume_from: LanczosState | None
) -> EigenPairs:
    """The wanted ends as a result, with one product spent on the residual of the first, where it is not known."""
    kept = found.worth_keeping(k + SPARE, bottom)
    following = krylov.following.cpu().numpy()
    vectors = np.empty((np.count_nonzero(kept), len(following)), following.dtype)
    couplings = found.couplings[kept]
    for row, coordinates in enumerate(found.coordinates[:, kept].T):
        vector = krylov.combine(torch.from_numpy(coordinates.copy()))
        sign = vector[vector.abs().argmax()].sign()  # of the two signs, that which makes the largest component positive
        vectors[row] = (vector * sign).cpu().numpy()
        couplings[row] *= float(sign)
    # The recurrence does not know of rounding: what it says below that is no bound.
    residuals = np.maximum(found.residuals, krylov.resolution)
    if resume_from is not None and krylov.products == resume_from.products:
        residuals[0] = resume_from.residual
    else:
        first = torch.from_numpy(vectors[0]).to(krylov.H.device)
        defect = (krylov.H @ first).double() - float(found.values[0]) * first.double()
        residuals[0] = float(torch.linalg.vector_norm(defect))
        krylov.products += 1
    converged = residuals <= found.allowed(tolerance)
    top_kept, bottom_kept = found.ends(krylov, kept)

    def end(inwards: slice | Integers) -> EigenPairs:
        return EigenPairs(
            values=found.values[inwards],
            residuals=residuals[inwards],
            converged=converged[inwards],
            products=krylov.products,
            vectors=vectors[inwards],
            asymmetry=krylov.asymmetry,
        )

    from_below = np.arange(-1, -1 - min(bottom, krylov.count), -1)
    return replace(
        end(slice(k)),
        bottom=end(from_below) if bottom else None,
        lanczos_state=LanczosState(
            values=found.values[kept],
            vectors=vectors,
            couplings=couplings,
            blocks=found.blocks[kept],
            following=following,
            size=krylov.size,
            top=top_kept,
            bottom=bottom_kept,
            complete=krylov.complete,
            products=krylov.products,
            draws=krylov.draws,
            asymmetry=krylov.asymmetry,
            scale=krylov.scale,
            residual=float(residuals[0]),
        ),
    )


def _rows(memory: int, H: SymmetricOperator | Tensor, least: int) -> int:
    """How many vectors the basis may have, beside the one that reducing it takes."""
    vector = int(H.shape[0]) * H.dtype.itemsize
    rows = memory // vector - 1
    if rows < least:
        raise ValueError(
            f"memory={memory} bytes hold too small a basis; pass at least {(least + 1) * vector}, for {least} vectors "
            f"and what reducing them takes"
        )
    return rows


def _check(resume_from: LanczosState, H: SymmetricOperator | Tensor) -> None:
    """Refuse to continue what was computed for another operator."""
    shape, dtype = resume_from.vectors.shape, str(H.dtype).removeprefix("torch.")
    if shape[1] != H.shape[0]:
        raise ValueError(
            f"resume_from has vectors of {shape[1]} and the operator of {H.shape[0]}; pass a result of this one"
        )
    if resume_from.size != dimension(H):
        raise ValueError(
            f"resume_from has {resume_from.size} eigenvalues and the operator {dimension(H)}; pass a result of this one"
        )
    if str(resume_from.vectors.dtype) != dtype:
        raise ValueError(
            f"resume_from has vectors in {resume_from.vectors.dtype} and the operator in {dtype}; pass a result of this one"
        )
