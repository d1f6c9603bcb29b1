"""Eigenvalues of a loss at a point, and further results about its curvature there."""

from __future__ import annotations

from dataclasses import dataclass, field

from landscape.results.arrays import Metadata, give_or_take
from landscape.results.checks import CheckReport, QuadraticRadius
from landscape.results.display_names import display_name
from landscape.results.eigenpairs import EigenPairs
from landscape.results.localization import BlockEigenvalues, Localization
from landscape.results.sharpness import Sharpness
from landscape.results.spectrum import Spectrum
from landscape.results.tables import Row, Table, TableDisplay


@dataclass(frozen=True)
class TraceEstimate:
    """The trace of a symmetric operator, over the active coordinates."""

    mean: float
    stderr: float  # one standard error; 0 where the trace is exact up to rounding, NaN for a single probe
    products: int  # operator-vector products used
    method: str  # how it was estimated; ``exact`` for one product with each coordinate's unit vector

    def __repr__(self) -> str:
        return f"TraceEstimate({self.mean:.6g} ± {self.stderr:.1g}, {self.method}, {self.products} products)"


@dataclass(frozen=True)
class Curvature(TableDisplay):
    """The curvature of a loss at a point, with the values needed to interpret it."""

    pairs: EigenPairs
    loss: float
    loss_stderr: float  # of the loss as an estimate for all users; 0 when all users are in it, NaN when unknown
    gradient_norm: float  # ‖∇L‖₂; zero only at a stationary point
    params_norm: float  # ‖θ‖₂ over the coordinates in use, for the scale-adjusted λ‖θ‖²
    asymmetry: float  # largest |uᵀHv − vᵀHu| / ‖Hv‖ over the Krylov basis: the noise floor of the products
    metadata: Metadata = field(default_factory=dict)
    operator: str = "hessian"  # or gauss-newton, fisher: the matrix whose eigenvalues these are
    spectrum: Spectrum | None = None
    trace: TraceEstimate | None = None
    sharpness: Sharpness | None = None
    blocks: BlockEigenvalues | None = None
    localization: tuple[Localization, ...] = ()  # shares of the eigenvectors: by block, by popularity
    checks: CheckReport | None = None
    quadratic: QuadraticRadius | None = None  # in the plane of the first two eigenvectors

    def tables(self) -> list[Table]:
        """Return the eigenvalues, and all else that was computed."""
        tables = [self._eigenvalues(), *(share.table() for share in self.localization)]
        numbers: list[Row] = []
        if self.trace is not None:
            name = f"trace ({display_name(self.trace.method)}, {self.trace.products} products)"
            numbers.append((name, (self.trace.mean, self.trace.stderr)))
        if self.spectrum is not None:
            low, high = self.spectrum.share_bounds()
            numbers.append(("trace, from the density's probes", self.spectrum.trace()))
            numbers.append(
                (f"share of negative eigenvalues, from {low:.0%} to {high:.0%}", self.spectrum.share_below())
            )
        if numbers:
            tables.append(Table("Spectrum", ("", "± standard error"), numbers))
        if self.sharpness is not None:
            tables += self.sharpness.tables()
        if self.blocks is not None:
            tables.append(self.blocks.table())
        if self.checks is not None:
            tables.append(self.checks.table(self.quadratic))
        return tables

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
        return Table(f"Eigenvalues ({display_name(self.operator)})", ("", "± residual", "converged"), rows)

    def __repr__(self) -> str:
        return (
            f"Curvature({self.pairs!r}, loss {self.loss:.4g}{give_or_take(self.loss_stderr)}, "
            f"gradient norm {self.gradient_norm:.3g}, λ‖θ‖² {self.pairs.values[0] * self.params_norm**2:.4g}, "
            f"noise floor {self.asymmetry:.0e})"
        )
