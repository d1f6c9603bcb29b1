"""Eigenvalues and eigenvectors at the ends of a spectrum, and the state that continues their computation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.results.display.frames import Tabular
from landscape.results.display.plotting import Plotted
from landscape.results.display.tables import Row, Table
from landscape.results.numerics.arrays import Floats, Integers

ASYMMETRIC = 5e-2  # |uᵀHv − vᵀHu| / ‖Hv‖ above which an operator is not symmetric; rounding leaves 1e-2 at most


@dataclass(frozen=True)
class LanczosState:
    """What is needed to continue a Krylov space: approximate eigenvectors y with Hy = value · y + coupling · u.

    u is the same for all of the last block, the vector to be multiplied next. A block comes from one start:
    there are several where the space was invariant and Lanczos went on from another random vector; in all but the last,
    the couplings are rounding.
    """

    values: Floats  # (p,) descending
    vectors: NDArray[np.floating[Any]]  # (p, n) orthonormal, one a row, in the operator's dtype
    couplings: Floats  # (p,)
    blocks: Integers  # (p,) number of the block, from 0; the last one has at least its largest value
    following: NDArray[np.floating[Any]]  # (n,) u; zeros where the space is invariant
    size: int  # how many eigenvalues the operator has: active coordinates
    top: int  # none of this many largest eigenvalues was dropped: they are in the space or still to be computed
    bottom: int  # the same of the smallest
    complete: bool  # whether the space is the whole one, so that nothing is left to compute
    products: int  # operator-vector products used in all
    draws: int  # random vectors drawn
    asymmetry: float  # as Curvature.asymmetry
    scale: float  # a bound of the operator's norm in this space; rounding errors are relative to it
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
        return f"LanczosState({count} vectors of {n:,}, {self.products} products)"


@dataclass(frozen=True)
class EigenPairs(Plotted, Tabular):
    """Eigenvalues at one end of a symmetric operator's spectrum, with bounds of their errors.

    An eigenvalue of the operator lies within ``residuals[i]`` of ``values[i]``. A Krylov method cannot show that no
    eigenvalue between two of the values was missed: repeat with another seed.
    """

    values: Floats  # (k,) from the end of the spectrum inwards: descending at the top, ascending at the bottom
    residuals: Floats  # (k,) ‖Hv − λv‖ for unit v; measured for the first, others from the recurrence and rounding
    converged: NDArray[np.bool_]  # (k,) residual ≤ tolerance · |value|
    products: int  # operator-vector products used in all
    vectors: NDArray[np.floating[Any]] | None = None  # (k, n) unit eigenvectors, one a row
    bottom: EigenPairs | None = None  # the other end, from the same Krylov space
    asymmetry: float = float("nan")  # as Curvature.asymmetry
    lanczos_state: LanczosState | None = None  # continues: smaller tolerance, more products, more eigenvalues

    def __post_init__(self) -> None:
        counts = [len(array) for array in (self.values, self.residuals, self.converged)]
        counts += [] if self.vectors is None else [len(self.vectors)]
        if not counts[0] or len(set(counts)) > 1:
            raise ValueError(f"{counts} values, residuals, converged and vectors must have the same length, at least 1")

    @property
    def symmetric(self) -> bool:
        """Whether the operator is symmetric up to rounding: eigenvalues of another one are not what they seem.

        Rounding leaves 1e-15 in double and 1e-5 in single precision, 1e-2 in models of 100 million parameters. A
        derivative that is wrong leaves much more.
        """
        return not self.asymmetry > ASYMMETRIC

    def table(self, title: str = "Eigenvalues") -> Table:
        """Return a row for each eigenvalue, from the largest down."""
        rows: list[Row] = [(name, (value, residual), done) for name, value, residual, done in self._entries()]
        return Table(title, ("", "± residual", "converged"), rows)

    def columns(self) -> dict[str, Any]:
        """Return name, value, residual and converged of each eigenvalue, from the largest down."""
        names = ("name", "value", "residual", "converged")
        return {name: [*column] for name, column in zip(names, zip(*self._entries(), strict=True), strict=True)}

    def _entries(self) -> list[tuple[str, float, float, bool]]:
        """Name, value, residual and whether it converged, of each eigenvalue, from the largest down."""
        ends = [(f"λ{i + 1}", self, i) for i in range(len(self.values))]
        if self.bottom is not None:
            last = [("λmin" if i == 0 else f"λmin + {i}", self.bottom, i) for i in range(len(self.bottom.values))]
            ends += reversed(last)
        return [(name, float(end.values[i]), float(end.residuals[i]), bool(end.converged[i])) for name, end, i in ends]

    def __repr__(self) -> str:
        rows = ", ".join(
            f"{value:.4g}±{residual:.1g}{'' if done else ' (not converged)'}"
            for value, residual, done in zip(self.values, self.residuals, self.converged, strict=True)
        )
        bottom = f", bottom {self.bottom.values[0]:.4g}±{self.bottom.residuals[0]:.1g}" if self.bottom else ""
        doubt = "" if self.symmetric else f"; NOT SYMMETRIC: products differ by {self.asymmetry:.2g} of their size"
        return f"EigenPairs({rows}{bottom}, {self.products} products{doubt})"
