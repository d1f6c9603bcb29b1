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
from landscape.results.tables import Row, Table, Told


@dataclass(frozen=True)
class Restart:
    """What of a Krylov space is enough to go on from: approximate eigenvectors y with Hy = value · y + coupling · u.

    u is the same for all of the last block, the vector to be multiplied next. A block is what came from one start:
    there are several where the space was invariant and Lanczos went on from another random vector; in all but the last,
    the couplings are rounding.
    """

    values: Floats  # (p,) descending
    vectors: NDArray[np.floating[Any]]  # (p, n) orthonormal, one a row, in the operator's dtype
    couplings: Floats  # (p,)
    blocks: Integers  # (p,) number of the block, from 0; the last one has at least its largest value
    following: NDArray[np.floating[Any]]  # (n,) u; zeros where the space is invariant
    size: int  # how many eigenvalues the operator has: coordinates that take part
    top: int  # so many of the largest are among them or yet to be found: of these, none was dropped
    bottom: int  # as many of the smallest
    complete: bool  # whether the space was the whole one, with nothing left to find
    products: int  # operator-vector products used, all told
    draws: int  # random vectors drawn
    asymmetry: float  # as Curvature.asymmetry
    scale: float  # a bound of the operator's norm in this space, of which rounding is a share
    residual: float  # ‖Hv − λv‖ of the first, measured

    def __post_init__(self) -> None:
        count, n = self.vectors.shape
        shapes = [array.shape for array in (self.values, self.couplings, self.blocks, self.following)]
        if count == 0 or shapes != [(count,)] * 3 + [(n,)]:
            raise ValueError(
                f"values, couplings, blocks and following of shapes {shapes} do not fit vectors {(count, n)}"
            )

    def __repr__(self) -> str:
        count, n = self.vectors.shape
        return f"Restart({count} vectors of {n:,}, {self.products} products)"


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
    restart: Restart | None = None  # what is enough to go on: with a smaller tolerance, more products, more eigenvalues

    def __post_init__(self) -> None:
        counts = [len(each) for each in (self.values, self.residuals, self.converged)]
        counts += [] if self.vectors is None else [len(self.vectors)]
        if not counts[0] or len(set(counts)) > 1:
            raise ValueError(f"{counts} values, residuals, converged and vectors must be as many, and at least one")

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

    def table(self) -> Table:
        """Block by block."""
        rows: list[Row] = [
            (name, (float(self.values[i]), float(self.residuals[i])), int(self.sizes[i]), bool(self.converged[i]))
            for i, name in enumerate(self.names)
        ]
        return Table("Largest eigenvalue by block", ("", "± residual", "coordinates", "converged"), rows)

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

    def table(self) -> Table:
        """Group by group, in per cent."""
        vectors = [f"v{i + 1}" + ("" if np.isnan(e) else f" (± {e:.2g})") for i, e in enumerate(100 * self.errors)]
        columns = [*self.values, *self.baselines.values()]
        rows: list[Row] = [
            (group, *(round(100 * float(column[g]), 2) for column in columns)) for g, group in enumerate(self.groups)
        ]
        return Table(f"Share of the eigenvectors' mass by {self.by}, in %", ("", *vectors, *self.baselines), rows)


@dataclass(frozen=True)
class Curvature(Told):
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

    def tables(self) -> list[Table]:
        """Eigenvalues, and what of the rest was computed."""
        found = [self._eigenvalues(), *(share.table() for share in self.shares)]
        numbers: list[Row] = []
        if self.trace is not None:
            name = f"trace ({self.trace.method}, {self.trace.products} products)"
            numbers.append((name, (self.trace.mean, self.trace.stderr)))
        if self.spectrum is not None:
            low, high = self.spectrum.share_bounds()
            numbers.append(("trace, from the density's probes", self.spectrum.trace()))
            numbers.append(
                (f"share of negative eigenvalues, from {low:.0%} to {high:.0%}", self.spectrum.share_below())
            )
        if numbers:
            found.append(Table("Spectrum", ("", "± standard error"), numbers))
        if self.sharpness is not None:
            found += self.sharpness.tables()
        if self.blocks is not None:
            found.append(self.blocks.table())
        if self.checks is not None:
            found.append(self.checks.table(self.quadratic))
        return found

    def _eigenvalues(self) -> Table:
        pairs = self.pairs
        rows: list[Row] = [
            (f"λ{i + 1}", (float(value), float(pairs.residuals[i])), bool(pairs.converged[i]))
            for i, value in enumerate(pairs.values)
        ]
        if pairs.bottom is not None:
            for i, value in reversed([*enumerate(pairs.bottom.values)]):
                name = "λmin" if i == 0 else f"λmin + {i}"
                error = float(pairs.bottom.residuals[i])
                rows.append((name, (float(value), error), bool(pairs.bottom.converged[i])))
        return Table(f"Eigenvalues ({self.operator})", ("", "± residual", "converged"), rows)

    def __repr__(self) -> str:
        return (
            f"Curvature({self.pairs!r}, loss {self.loss:.4g}{give_or_take(self.loss_stderr)}, "
            f"gradient norm {self.gradient_norm:.3g}, λ‖θ‖² {self.pairs.values[0] * self.params_norm**2:.4g}, "
            f"noise floor {self.asymmetry:.0e})"
        )
