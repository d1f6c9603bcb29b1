"""Eigenvalues, and what else is known of a loss's curvature at a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.results.arrays import Floats, Integers, Metadata, give_or_take
from landscape.results.checks import CheckReport, QuadraticRadius
from landscape.results.sharpness import Sharpness
from landscape.results.spectra import Spectrum


@dataclass(frozen=True)
class EigenPairs:
    """Eigenvalues at one end of a symmetric operator's spectrum, with what is known of their errors.

    An eigenvalue of the operator lies within ``residuals[i]`` of ``values[i]``. That none between two of
    the values was missed cannot be shown by a Krylov method: repeat with another seed.
    """

    values: Floats  # (k,) from the end of the spectrum inwards: descending at the top, ascending at the bottom
    residuals: Floats  # (k,) ‖Hv − λv‖ for unit v; measured for the first, others from the recurrence and rounding
    converged: NDArray[np.bool_]  # (k,) residual ≤ tolerance · |value|
    products: int  # operator-vector products used, all told
    vectors: NDArray[np.floating[Any]] | None = None  # (k, n) unit eigenvectors, one a row
    bottom: EigenPairs | None = None  # the other end, from the same Krylov space
    asymmetry: float = float("nan")  # as Curvature.asymmetry

    def __repr__(self) -> str:
        rows = ", ".join(
            f"{value:.4g}±{residual:.1g}{'' if done else ' (not converged)'}"
            for value, residual, done in zip(self.values, self.residuals, self.converged, strict=True)
        )
        bottom = f", bottom {self.bottom.values[0]:.4g}±{self.bottom.residuals[0]:.1g}" if self.bottom else ""
        return f"EigenPairs({rows}{bottom}, {self.products} products)"


@dataclass(frozen=True)
class TraceEstimate:
    """The trace of a symmetric operator, over the coordinates that take part."""

    mean: float
    stderr: float  # one standard error; 0 where the trace is exact but for rounding, NaN where one probe was all
    products: int  # operator-vector products used
    method: str  # how it was estimated; ``exact`` for one product with each coordinate's unit vector

    def __repr__(self) -> str:
        return f"TraceEstimate({self.mean:.6g} ± {self.stderr:.1g}, {self.method}, {self.products} products)"


@dataclass(frozen=True)
class BlockEigenvalues:
    """The largest eigenvalue of each diagonal block: the others' parameters stay where they are.

    None exceeds the largest eigenvalue of the whole, if that is not negative (Cauchy's interlacing theorem).
    """

    names: tuple[str, ...]  # (G,)
    values: Floats  # (G,) λmax of the block
    residuals: Floats  # (G,) ‖Hv − λv‖ within the block
    converged: NDArray[np.bool_]  # (G,)
    sizes: Integers  # (G,) coordinates that take part
    products: Integers  # (G,) operator-vector products used

    def rows(self) -> list[dict[str, str | float | int | bool]]:
        """For a table: block, coordinates, value, residual, converged, products."""
        return [
            {
                "block": name,
                "coordinates": int(self.sizes[i]),
                "value": float(self.values[i]),
                "residual": float(self.residuals[i]),
                "converged": bool(self.converged[i]),
                "products": int(self.products[i]),
            }
            for i, name in enumerate(self.names)
        ]


@dataclass(frozen=True)
class Shares:
    """How the squared components of unit eigenvectors divide among groups of coordinates.

    A vector v that is off by an angle φ has shares that are each off by at most sin φ.
    """

    by: str  # what the groups are: block, item popularity
    groups: tuple[str, ...]  # (G,)
    values: Floats  # (K, G) of the K vectors' mass; rows sum to at most 1, and to 1 where the groups are all there is
    errors: Floats  # (K,) by how much each share may be off: residual / gap to the nearest other eigenvalue, at most 1
    baselines: Mapping[str, Floats] = field(default_factory=dict)  # name -> (G,): coordinates (what a random vector
    # would have), interactions

    def __post_init__(self) -> None:
        shape = (len(self.errors), len(self.groups))
        if self.values.shape != shape:
            raise ValueError(
                f"values {self.values.shape} do not fit; {shape[0]} errors and {shape[1]} groups need {shape}"
            )


@dataclass(frozen=True)
class Curvature:
    """The curvature of a loss at a point, and what one must know to read it."""

    pairs: EigenPairs
    loss: float
    loss_stderr: float  # of the loss as an estimate for all users; 0 when all users are in it, NaN when unknown
    gradient_norm: float  # ‖∇L‖₂; zero only at a stationary point
    params_norm: float  # ‖θ‖₂ over the coordinates in use, for the scale-adjusted λ‖θ‖²
    asymmetry: float  # largest |uᵀHv − vᵀHu| / ‖Hv‖ over the Krylov basis: the noise floor of the products
    metadata: Metadata = field(default_factory=dict)
    operator: str = "hessian"  # or gauss-newton, fisher: of which matrix these are the eigenvalues
    spectrum: Spectrum | None = None
    trace: TraceEstimate | None = None
    sharpness: Sharpness | None = None
    blocks: BlockEigenvalues | None = None
    shares: tuple[Shares, ...] = ()  # of the eigenvectors' mass: by block, by popularity
    checks: CheckReport | None = None
    quadratic: QuadraticRadius | None = None  # in the plane of the first two eigenvectors

    def __repr__(self) -> str:
        return (
            f"Curvature({self.pairs!r}, loss {self.loss:.4g}{give_or_take(self.loss_stderr)}, "
            f"gradient norm {self.gradient_norm:.3g}, λ‖θ‖² {self.pairs.values[0] * self.params_norm**2:.4g}, "
            f"noise floor {self.asymmetry:.0e})"
        )
