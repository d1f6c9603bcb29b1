"""Eigenvalues at the ends of a symmetric operator's spectrum, by Lanczos with full reorthogonalisation.

G. H. Golub and C. F. Van Loan, Matrix Computations (4th ed. 2013), sections 10.1 to 10.3; B. N. Parlett, The Symmetric
Eigenvalue Problem (SIAM 1998), chapter 13; K. Wu and H. Simon, Thick-Restart Lanczos Method for Large Symmetric
Eigenvalue Problems (SIAM Journal on Matrix Analysis and Applications 2000).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.linalg.active import held_size, on_active
from landscape.linalg.krylov import ROWS, Krylov
from landscape.linalg.protocols import SymmetricOperator, dimension
from landscape.linalg.ritz import Ritz, ritz
from landscape.linalg.vectors import norm
from landscape.processes import Processes
from landscape.progress import Progress, silent
from landscape.results import EigenPairs, Floats, Integers, LanczosState
from landscape.results.eigenpairs import ASYMMETRIC

SPARE = 8  # eigenvectors beyond the wanted that a result keeps: with fewer, continuing would cost more products
FEWEST = 4  # vectors beyond the wanted that a basis must have room for: between two restarts, it grows by at least two


def top_eigenpairs(
    H: SymmetricOperator | Tensor,
    k: int = 1,
    *,
    tolerance: float = 1e-3,
    max_products: int | None = None,
    seed: int = 0,
    start: Tensor | None = None,
    bottom: int = 1,
    memory: int | None = None,
    resume_from: LanczosState | None = None,
    progress: Progress = silent,
) -> EigenPairs:
    """Compute the k algebraically largest eigenvalues and their vectors, and approximate the smallest ones.

    Stops when |β_m s_mi| ≤ tolerance · |θ_i| for the k largest Ritz values θ_i, then measures ‖Hv - λv‖ for the first.
    A residual below the rounding of ‖H‖ counts as converged, or an eigenvalue of zero never would.

    When the space turns out to be invariant, Lanczos continues from a random vector orthogonal to it until the largest
    value beyond it lies below the k largest, so that repeated eigenvalues count as often as they occur. Short of an
    invariant space, a repeated eigenvalue appears once, and one whose vector the start hardly contains may be missed:
    repeat with another seed.

    The basis takes n numbers for each product, in the operator's dtype, or those at active coordinates alone where
    these are at most half: see ``eigen_bytes``. Where that exceeds ``memory``, it is reduced, whenever it is full, to
    the wanted Ritz vectors and half as many others of the largest as there is room for (thick restart). That costs
    products: for 8 of 2000 eigenvalues to 1e-6, a basis of 24 or 16 vectors took 21 or 22 instead of 21 where they
    decay geometrically, 75 or 83 instead of 65 where they are drawn from Student's t with 3 degrees of freedom, and 562
    or 1255 instead of 391 where the last two lie in a dense bulk.

    ``resume_from`` continues a run: the result's ``lanczos_state`` holds the k + ``bottom`` wanted Ritz vectors, 8
    spare ones of the largest, and the next vector of the basis. The continued Krylov space is reduced to these, so the
    result is not bit for bit that of one long run, but has eigenvalues of the same operator within the same residuals,
    for a few products more (1 to 4 in all that was measured). What has converged already costs no product. A k larger
    than ``resume_from.top`` asks for eigenvalues that were dropped and to which the next vector is orthogonal: then,
    and likewise for a larger ``bottom``, the run starts anew.

    >>> top_eigenpairs(torch.diag(torch.tensor([1.0, 5.0, 3.0])), k=2).values.round(4)
    array([5., 3.])

    Args:
        H: The operator (n, n), or a dense symmetric matrix.
        k: The number of eigenvalues.
        tolerance: Relative residual at which an eigenvalue counts as converged.
        max_products: The most products to use, the residual's and those of ``resume_from`` included; 10·k + 90 by
            default. When they are used up, ``converged`` is False where the residuals reached are too large.
        seed: Of the random start. To continue a run, pass the seed it had.
        start: A vector (n,) to start from, such as the gradient; a random one of the same length is added, so that no
            eigenvector is left out. By default the random one alone.
        bottom: The number of eigenvalues from the other end, as far as the basis has them. They do not delay the stop.
        memory: The bytes that the basis may take in each process, its reduction included; no bound by default. The
            vectors of the result, k + ``bottom`` + 8, come on top at the end.
        resume_from: The ``lanczos_state`` of a result for the same operator.
        progress: Called after each product with (products, max_products, the largest relative residual as text).

    Raises:
        ValueError: k exceeds the operator's size, another argument is out of range, ``memory`` is too little,
            ``resume_from`` does not fit, or a product is not finite.
    """
    size = dimension(H)
    few = on_active(H) if resume_from is None or resume_from.vectors.shape[1] < H.shape[0] else None
    if few is not None:
        H, start = few, None if start is None else few.shortened(start)
    if not 1 <= k <= size:
        raise ValueError(f"k={k} must be between 1 and the operator's size {size}")
    if not (math.isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"tolerance={tolerance} must be a positive number")
    if bottom < 0:
        raise ValueError(f"bottom={bottom} must not be negative")
    used = 0
    if resume_from is not None:
        _check_state(resume_from, H)
        used = resume_from.products
        if k > resume_from.top or bottom > resume_from.bottom:
            resume_from = None
    held = 0 if resume_from is None else len(resume_from.values)
    limit = 10 * k + 90 if max_products is None else max_products
    if held + max(0, limit - used - 1) < k:
        raise ValueError(f"max_products={limit} cannot show k={k} eigenvalues; pass at least {used + k - held + 1}")
    rows = None if memory is None else _rows_within(memory, H, max(min(k + bottom + FEWEST, size), held))
    generator = torch.Generator().manual_seed(seed)
    krylov = Krylov(H, generator, start, rows=rows, resume_from=resume_from, products=used)
    approximation = _search(krylov, k, bottom, tolerance, limit, progress)
    pairs = _pairs(krylov, approximation, k, bottom, tolerance, resume_from)
    return pairs if few is None else few.whole(pairs)


def eigen_bytes(
    n: int, k: int, bottom: int, max_products: int, dtype: torch.dtype, *, active: int | None = None
) -> int:
    """Return the bytes that ``top_eigenpairs`` takes beside a product, without a bound: basis and result's vectors.

    With a bound, it is the bound and the result's vectors: k + ``bottom`` + 8, as far as the basis has them.

    Args:
        n: The operator's dimension, inactive coordinates included.
        k: The number of eigenvalues.
        bottom: The number of eigenvalues from the other end.
        max_products: The most products, the residual's included; the basis grows by a few vectors at a time, and is
            counted up to the last of these.
        dtype: The operator's.
        active: The number of active coordinates; all by default.
    """
    held = n if active is None else held_size(n, active)
    count = min(max_products - 1, held)
    numbers = (math.ceil(count / ROWS) * ROWS + min(k + SPARE + bottom, count)) * held
    if held < n:
        numbers += min(k + bottom, count) * n  # the result's, whole
    return numbers * dtype.itemsize


def peak_bytes(
    n: int,
    k: int,
    bottom: int,
    max_products: int,
    dtype: torch.dtype,
    *,
    product: int,
    memory: int | None = None,
    active: int | None = None,
) -> int:
    """Return the bytes that ``top_eigenpairs`` takes at its peak, products included.

    The basis is freed before the product that measures the residual.

    Args:
        n: As for ``eigen_bytes``, and so are the next ones.
        k: Likewise.
        bottom: Likewise.
        max_products: Likewise.
        dtype: Likewise.
        product: The bytes of products, as ``product_memory`` has them in total.
        memory: The bound of the basis.
        active: As for ``eigen_bytes``.
    """
    held = n if active is None else held_size(n, active)
    vector = held * dtype.itemsize
    count = min(max_products - 1, held)
    basis = math.ceil(count / ROWS) * ROWS * vector
    if memory is not None and memory < basis:
        basis, count = memory, min(count, memory // vector - 1)
    result = min(k + SPARE + bottom, count) * vector
    whole = min(k + bottom, count) * n * dtype.itemsize if held < n else 0  # put together at the end
    # A vector of the result is put together in one of its own, and one more is there to be multiplied next.
    return max(basis + product, basis + result + vector, result + product, result + whole) + vector


def _search(krylov: Krylov, k: int, bottom: int, tolerance: float, limit: int, progress: Progress) -> Ritz:
    """Multiply until the k largest have converged; one product is kept for the residual."""
    current = ritz(krylov)
    residual = current.worst(k)
    done = krylov.complete or current.settled(k, tolerance) or krylov.products + 1 >= limit
    while not done:
        if krylov.rows is not None and krylov.full:
            spare = (krylov.rows - k - bottom - 1) // 2
            current.restart(krylov, current.worth_keeping(k + spare, bottom))
        krylov.step()
        last = krylov.complete or krylov.products + 1 >= limit
        if last or krylov.full or krylov.invariant or krylov.count % max(1, krylov.count // 25) == 0:
            current = ritz(krylov)
            residual = current.worst(k)
            done = last or current.settled(k, tolerance)
        progress(krylov.products, limit, "" if math.isnan(residual) else f"residual {residual:.1e}")
    return current


def _pairs(
    krylov: Krylov, approximation: Ritz, k: int, bottom: int, tolerance: float, resume_from: LanczosState | None
) -> EigenPairs:
    """Return the wanted ends, with one product spent on the residual of the first, where it is not known."""
    kept = approximation.worth_keeping(k + SPARE, bottom)
    vectors, signs = _ritz_vectors(krylov, approximation.coordinates[:, kept])
    krylov.free()
    # The recurrence does not include the errors of products: residuals below them are not bounds.
    residuals = np.maximum(approximation.residuals, max(krylov.resolution, krylov.product_error))
    if resume_from is not None and krylov.products == resume_from.products:
        residuals[0] = resume_from.residual
    else:
        first = torch.from_numpy(vectors[0]).to(krylov.H.device)
        rest = krylov.multiply(first).double().sub_(first, alpha=float(approximation.values[0]))
        measured = norm(rest, krylov.processes)
        residuals[0] = max(measured, krylov.product_error)
    converged = residuals <= approximation.allowed(tolerance)

    def end(inwards: slice | Integers) -> EigenPairs:
        return EigenPairs(
            values=approximation.values[inwards],
            residuals=residuals[inwards],
            converged=converged[inwards],
            products=krylov.products,
            vectors=vectors[inwards],
            asymmetry=krylov.asymmetry,
        )

    from_below = np.arange(-1, -1 - min(bottom, krylov.count), -1)
    if krylov.asymmetry > max(ASYMMETRIC, 10 * getattr(krylov.H, "relative_error", 0.0)):
        warnings.warn(
            "the products are not those of a symmetric matrix: uᵀHv and vᵀHu differ by "
            f"{krylov.asymmetry:.2g} of their size, far more than {_asymmetric(krylov.H)}",
            stacklevel=3,
        )
    state = krylov.state(
        kept,
        values=approximation.values[kept],
        vectors=vectors,
        couplings=approximation.couplings[kept] * signs,
        blocks=approximation.blocks[kept],
        residual=float(residuals[0]),
    )
    return replace(end(slice(k)), bottom=end(from_below) if bottom else None, lanczos_state=state)


def _asymmetric(H: SymmetricOperator | Tensor) -> str:
    """Return than what the asymmetry is more, and where it may come from."""
    if getattr(H, "relative_error", 0.0):
        return (
            "the error of the differences that products are. The gradient jumps within their step, as it does where a "
            "ReLU switches, and the eigenvalues are those of the jumps: take a smooth activation, such as GELU, or a "
            "model and a loss that can be differentiated twice"
        )
    return (
        "rounding. A derivative is wrong (backward of a torch.autograd.Function, a hook, a value detached in between): "
        "compare it with torch.autograd.gradcheck"
    )


def _ritz_vectors(krylov: Krylov, coordinates: Floats) -> tuple[NDArray[np.floating[Any]], Floats]:
    """Return unit vectors (p, n) with these coordinates (m, p), and the signs (p,) that they were multiplied by.

    Of the two signs, the one that makes the largest component positive.
    """
    vectors: NDArray[np.floating[Any]] = np.empty(0)
    signs = np.ones(coordinates.shape[1])
    for row, column in enumerate(coordinates.T):
        vector = krylov.combine(torch.from_numpy(column.copy())).cpu()
        largest = _largest(vector)
        if krylov.processes.sliced:
            largest = max(krylov.processes.gathered(largest), key=abs)
        if largest < 0:
            vector, signs[row] = vector.neg_(), -1.0
        if row == 0:
            vectors = np.empty((len(signs), len(vector)), vector.numpy().dtype)  # stacking would take twice as much
        vectors[row] = vector.numpy()
    return vectors, signs


def _largest(vector: Tensor) -> float:
    """Return the entry of largest magnitude, the first of several; without a copy where there is one."""
    if not len(vector):
        return 0.0
    low, high = (float(end) for end in torch.aminmax(vector))
    if abs(low) == abs(high):
        return float(vector[vector.abs().argmax()])
    return max(low, high, key=abs)


def _rows_within(memory: int, H: SymmetricOperator | Tensor, least: int) -> int:
    """Return how many vectors the basis may have, beside the one that its reduction takes."""
    processes: Processes = getattr(H, "processes", Processes())
    vector = processes.width(int(H.shape[0])) * H.dtype.itemsize
    rows = memory // vector - 1
    if rows < least:
        raise ValueError(
            f"memory={memory} bytes hold too small a basis; pass at least {(least + 1) * vector}, for {least} vectors "
            f"and one more to reduce them"
        )
    return rows


def _check_state(resume_from: LanczosState, H: SymmetricOperator | Tensor) -> None:
    """Refuse to continue a result of another operator."""
    size, dtype = dimension(H), str(H.dtype).removeprefix("torch.")
    length, stored = resume_from.vectors.shape[1], str(resume_from.vectors.dtype)
    for theirs, ours, difference in (
        (length, H.shape[0], f"vectors of {length} and the operator of {H.shape[0]}"),
        (resume_from.size, size, f"{resume_from.size} eigenvalues and the operator {size}"),
        (stored, dtype, f"vectors in {stored} and the operator in {dtype}"),
    ):
        if theirs != ours:
            raise ValueError(f"resume_from has {difference}; pass a result of this operator")
