"""The trace of a symmetric operator from products with random vectors, with its standard error.

M. F. Hutchinson, A stochastic estimator of the trace of the influence matrix (Communications in Statistics 1990);
R. A. Meyer, C. Musco, C. Musco and D. P. Woodruff, Hutch++: Optimal Stochastic Trace Estimation (SOSA 2021);
E. N. Epperly, J. A. Tropp and R. J. Webber, XTrace: Making the Most of Every Sample in Stochastic Trace Estimation
(SIAM Journal on Matrix Analysis and Applications 2024).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from landscape.choices import one_of
from landscape.linalg.protocols import MaskedOperator, SymmetricOperator, dimension
from landscape.processes import ALONE, refuse_slices
from landscape.progress import Progress, silent
from landscape.results import TraceEstimate

EXACT = "exact"  # the method where the products suffice for all coordinates


def trace(
    H: SymmetricOperator | Tensor,
    *,
    max_products: int = 60,
    method: str = "hutch++",
    seed: int = 0,
    columns: int = 8,
    progress: Progress = silent,
) -> TraceEstimate:
    """Estimate the sum of the eigenvalues of H, without bias.

    The methods, with the probes that their authors recommend:

    - ``hutchinson``: the mean of gᵀHg over random signs g, which have the least variance of all probes with
      independent entries. The reference.
    - ``hutch++``: a third of the products computes a space that contains most of H, a third its exact trace there, the
      rest is Hutchinson's estimator of the remainder; random signs throughout. Its standard error is the remainder's.
    - ``xtrace``: each probe in turn estimates what lies outside of the space that the products with all others span,
      and the mean is taken. Gaussian probes, with the paper's normalisation: what is left of one outside of the space
      is scaled to the sphere that it is uniform on. The standard error is the paper's: the spread of these estimates
      as if they were independent, though they share their probes. It is right when all large eigenvalues are captured
      and many small ones left, as a Hessian's are; on spectra that decay on and on it is about a quarter too small,
      and too small by more when there are just as many large eigenvalues as probes. ``hutch++`` has no such defect.

    Where eigenvalues decay, the latter two need far fewer products for the same error; where they do not, none gains.
    With m estimates behind the standard error (as many as products; a third of them; half of them), a confidence
    interval takes Student's t with m - 1 degrees of freedom: see ``TraceEstimate.half_width``. When a few eigenvalues
    outweigh all others, Hutchinson's estimates are skewed and intervals from few probes are too short. No standard
    error includes rounding.

    With at least as many products as active coordinates, each of these is multiplied by itself: the trace is exact.
    Vectors are multiplied in the operator's dtype; dot products and factorisations are float64. ``hutchinson`` keeps
    ``columns`` vectors at a time, ``hutch++`` a third of the products, ``xtrace`` twice the products, all float64.

    >>> trace(torch.diag(torch.tensor([1.0, 2.0, 4.0])), max_products=3)
    TraceEstimate(7 ± 0, exact, 3 products)

    Args:
        H: The operator (n, n), or a dense symmetric matrix.
        max_products: The most operator-vector products to use. ``xtrace`` uses an even number.
        method: ``hutch++``, ``xtrace`` or ``hutchinson``.
        seed: Of the probes.
        columns: How many vectors ``H @`` takes at a time, as columns; 1 for an operator of single vectors (n,) only.
        progress: Called after each multiplication with (products, max_products, "").

    Raises:
        ValueError: An unknown method, too few products for it, another argument out of range, an operator that is not
            square or has no active coordinate, or a product that is not finite.
    """
    method = one_of(method, METHODS, "method")
    if columns < 1:
        raise ValueError(f"columns={columns} must be at least 1, the number of vectors multiplied at a time")
    refuse_slices(getattr(H, "processes", ALONE), "a trace")
    size = dimension(H)
    A = _Sampled(
        H,
        torch.Generator().manual_seed(seed),
        columns,
        lambda products: progress(products, min(max_products, size), ""),
    )
    if max_products >= size:
        return TraceEstimate(_exact(A), 0.0, A.products, EXACT)
    if max_products < LEAST[method]:
        raise ValueError(f"max_products={max_products} are too few for {method}; pass at least {LEAST[method]}")
    known, samples = METHODS[method](A, max_products)
    spread = float(samples.std()) if len(samples) > 1 else math.nan
    stderr = spread / math.sqrt(len(samples))
    return TraceEstimate(known + float(samples.mean()), stderr, A.products, method, len(samples))


class _Sampled:
    """An operator that draws probes on its active coordinates, and multiplies several at a time, in float64."""

    def __init__(
        self,
        H: SymmetricOperator | Tensor,
        generator: torch.Generator,
        columns: int,
        report: Callable[[int], None],
    ) -> None:
        self.H = H
        self.generator = generator
        self.columns = columns
        self.report = report  # called with the number of products
        self.size = dimension(H)
        self.products = 0

    def signs(self, count: int) -> Tensor:
        """Return probes (n, count) of independent random signs."""
        return self._probes(count, lambda n: torch.randint(2, (n,), generator=self.generator).double() * 2 - 1)

    def gaussians(self, count: int) -> Tensor:
        """Return probes (n, count) of independent normal entries."""
        return self._probes(count, lambda n: torch.randn(n, generator=self.generator, dtype=torch.float64))

    def _probes(self, count: int, draw: Callable[[int], Tensor]) -> Tensor:
        # One by one on the CPU: the same for every device and every number of columns.
        drawn = (draw(int(self.H.shape[0])) for _ in range(count))
        # Rounded to the operator's dtype: the dot products need the same vectors as the multiplication.
        return torch.stack([self.project(probe.to(self.H.device, self.H.dtype)).double() for probe in drawn], 1)

    def project(self, vector: Tensor) -> Tensor:
        """Return the vector (n,) with zeros at the inactive coordinates."""
        return self.H.project(vector) if isinstance(self.H, MaskedOperator) else vector

    def pieces(self, count: int) -> Iterator[int]:
        """Split ``count`` columns into pieces that are multiplied at a time; yield the pieces' numbers of columns."""
        yield from (min(self.columns, count - first) for first in range(0, count, self.columns))

    def __matmul__(self, vectors: Tensor) -> Tensor:
        """Return HX (n, m) for X (n, m), float64."""
        images = []
        for piece in torch.split(vectors.to(self.H.dtype), self.columns, dim=1):
            images.append(self.H @ piece if self.columns > 1 else (self.H @ piece[:, 0])[:, None])
            self.products += piece.shape[1]
            self.report(self.products)
        result = torch.cat(images, 1).double()
        if not result.isfinite().all():
            raise ValueError("the operator's product with a vector is not finite: check the parameters and the loss")
        return result


def _exact(A: _Sampled) -> float:
    """Return the sum of the diagonal entries at the active coordinates."""
    inside = A.project(torch.ones(int(A.H.shape[0]), dtype=A.H.dtype, device=A.H.device)).nonzero()  # (active, 1)
    total = 0.0
    for places in torch.split(inside, A.columns):
        units = torch.zeros(int(A.H.shape[0]), len(places), dtype=torch.float64, device=A.H.device)
        units.scatter_(0, places.T, 1.0)
        total += float(((A @ units) * units).sum())
    return total


def _forms(A: _Sampled, count: int, basis: Tensor | None = None) -> Tensor:
    """Return gᵀHg (count,) for the parts of random signs g that are orthogonal to the basis (n, k)."""
    forms = []
    for columns in A.pieces(count):
        probes = A.signs(columns)
        if basis is not None:
            probes = probes - basis @ (basis.T @ probes)
        forms.append((probes * (A @ probes)).sum(0))
    return torch.cat(forms)


def _hutchinson(A: _Sampled, products: int) -> tuple[float, Tensor]:
    return 0.0, _forms(A, products)


def _hutchpp(A: _Sampled, products: int) -> tuple[float, Tensor]:
    third = products // 3
    Q = torch.linalg.qr(A @ A.signs(third)).Q  # (n, third)
    inside = float((Q * (A @ Q)).sum())  # tr QᵀHQ
    return inside, _forms(A, products - 2 * third, Q)


def _xtrace(A: _Sampled, products: int) -> tuple[float, Tensor]:
    """Return the estimates (m,) from each of m = products / 2 probes ω and the others' space.

    With HΩ = QR, the others' products span the range of QV for an orthonormal V (m, m - 1), and Hutchinson's part is
    u = ω - QVVᵀQᵀω. Its form uᵀHu follows from small matrices alone, since H is symmetric.
    """
    count = products // 2
    probes = A.gaussians(count)  # Ω (n, m)
    images = A @ probes  # HΩ (n, m)
    Q, R = torch.linalg.qr(images)  # (n, m), (m, m)
    inner, shares = (Q.T @ (A @ Q)).cpu(), (Q.T @ probes).cpu()  # QᵀHQ, QᵀΩ (m, m)
    forms, squares = (probes * images).sum(0).cpu(), (probes**2).sum(0).cpu()  # ωᵀHω, ‖ω‖² (m,)
    R = R.cpu()
    samples = torch.empty(count, dtype=torch.float64)
    for i in range(count):
        # Factorised, not downdated from R's inverse: H may have a lower rank than there are probes. V then spans more
        # than the others' products, which changes nothing, since Hu is zero.
        V = torch.linalg.qr(torch.cat([R[:, :i], R[:, i + 1 :]], 1)).Q  # (m, m - 1)
        inside = V @ (V.T @ shares[:, i])  # (m,) the coordinates in Q of ω - u
        form = forms[i] - 2 * inside @ R[:, i] + inside @ inner @ inside  # uᵀHu
        square = squares[i] - inside @ inside  # ‖u‖²
        samples[i] = (V * (inner @ V)).sum() + (A.size - count + 1) * form / square
    return 0.0, samples


# name -> function of (operator, products): the part of the trace that is exact, and estimates (m,) of the rest
METHODS: dict[str, Callable[[_Sampled, int], tuple[float, Tensor]]] = {
    "xtrace": _xtrace,
    "hutch++": _hutchpp,
    "hutchinson": _hutchinson,
}
LEAST = {"xtrace": 2, "hutch++": 3, "hutchinson": 1}  # products
