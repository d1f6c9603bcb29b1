"""Eigenvalues of a loss at a point, and further results about its curvature there."""

from __future__ import annotations

from dataclasses import dataclass, field

from landscape.results.checks import CheckReport, QuadraticRadius
from landscape.results.display.display_names import display_name
from landscape.results.display.printable import printable
from landscape.results.display.tables import NotebookDisplay, Row, Table, TableDisplay, interval_cell
from landscape.results.eigenpairs import EigenPairs
from landscape.results.localization import BlockEigenvalues, Localization
from landscape.results.numerics.arrays import Metadata, give_or_take
from landscape.results.numerics.estimates import LEVEL, SingleNumber, student_half_width
from landscape.results.sample import sample_tables
from landscape.results.sharpness import Sharpness
from landscape.results.spectrum import Spectrum


@dataclass(frozen=True)
class TraceEstimate(SingleNumber, NotebookDisplay):
    """The trace of a symmetric operator, over the active coordinates.

    ``float`` and format strings take its mean.
    """

    mean: float
    stderr: float  # one standard error; 0 where the trace is exact up to rounding, NaN for a single probe
    products: int  # operator-vector products used
    method: str  # how it was estimated; ``exact`` for one product with each coordinate's unit vector
    samples: int = 0  # independent estimates behind the standard error; 0 where it has none or they were not counted

    def half_width(self, level: float = LEVEL) -> float:
        """Return half the width of the confidence interval, by Student's t with ``samples`` - 1 degrees of freedom.

        It is 0 where the trace is exact, and NaN where the standard error or the number of samples is not known.
        """
        return 0.0 if self.stderr == 0 else student_half_width(self.stderr, self.samples, level)

    def table(self) -> Table:
        """Return the trace with its standard error and its interval."""
        name = f"trace ({display_name(self.method)}, {self.products} products)"
        row: Row = (name, (self.mean, self.stderr), interval_cell(self.mean, self.half_width()))
        return Table("Trace", ("", "± standard error", f"{LEVEL:.0%} interval"), [row])

    def __float__(self) -> float:
        return self.mean

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
        tables = [*sample_tables(self.metadata), self._eigenvalues(), *(share.table() for share in self.localization)]
        numbers: list[Row] = []
        if self.trace is not None:
            numbers += [row[:2] for row in self.trace.table().rows]
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
        method = f"; products are {printable(self.metadata['products'])}" if "products" in self.metadata else ""
        return self.pairs.table(f"Eigenvalues ({display_name(self.operator)}{method})")

    def __repr__(self) -> str:
        return (
            f"Curvature({self.pairs!r}, loss {self.loss:.4g}{give_or_take(self.loss_stderr)}, "
            f"gradient norm {self.gradient_norm:.3g}, λ‖θ‖² {self.pairs.values[0] * self.params_norm**2:.4g}, "
            f"noise floor {self.asymmetry:.0e})"
        )
