"""What the analyses return: NumPy arrays with plain metadata, no tensors, no models.

A result knows how to describe itself; how it is computed, stored and drawn is told
elsewhere (``surfaces``, ``lanczos``; ``files``; the ``figures`` package).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Metadata = dict[str, Any]


@dataclass(frozen=True)
class InterpolationError:
    """How far an interpolated surface was off at points that were evaluated but left out of the fit.

    The largest deviation over a sample is a lower bound of the true largest deviation: the number of
    points belongs to the statement. NaN means "not measured".
    """

    absolute: float  # largest |interpolant - loss| over the left-out points, in units of the loss
    relative: float  # the same, divided by the range (max - min) of the evaluated losses
    near_centre: float  # the same over left-out points in the inner half of the plane, divided by the loss there
    points: int  # how many points were left out

    def __str__(self) -> str:
        return f"error ≤ {self.relative:.1g} of range on {self.points} left-out points"


@dataclass(frozen=True)
class Surface:
    """Loss, and further metrics, on a rectangle of the plane θ₀ + α·x + β·y (or on a line, with B = 1)."""

    alphas: Floats  # (A,) coordinates along the first direction
    betas: Floats  # (B,) coordinates along the second; [0.] for a line
    loss: Floats  # (B, A); NaN where missing or where the loss is not a number, ±inf where it overflows
    evaluated: NDArray[np.bool_]  # (B, A) True: computed at this very point; False: interpolated or missing
    metadata: Metadata = field(default_factory=dict)
    metrics: Mapping[str, Floats] = field(default_factory=dict)  # name -> (B, A), NaN where missing
    error: InterpolationError | None = None  # None: nothing was interpolated
    nodes: Floats = field(default_factory=lambda: np.empty((0, 2)))  # (N, 2) every point evaluated, as (α, β)
    node_loss: Floats = field(default_factory=lambda: np.empty(0))  # (N,) the loss at the nodes

    def __post_init__(self) -> None:
        shape = (len(self.betas), len(self.alphas))
        for name, values in {"loss": self.loss, "evaluated": self.evaluated, **self.metrics}.items():
            if values.shape != shape:
                raise ValueError(
                    f"{name} has shape {values.shape}; "
                    f"{len(self.betas)} betas by {len(self.alphas)} alphas need {shape}"
                )
        if self.nodes.shape != (len(self.node_loss), 2):
            raise ValueError(
                f"nodes has shape {self.nodes.shape}; {len(self.node_loss)} node losses need ({len(self.node_loss)}, 2)"
            )

    @property
    def is_line(self) -> bool:
        """Whether the surface has no second direction."""
        return len(self.betas) == 1

    @property
    def evaluations(self) -> int:
        """How many points were evaluated in all, left-out ones included."""
        return len(self.node_loss)

    @property
    def centre(self) -> float:
        """The loss at (0, 0) if that point was evaluated, otherwise NaN."""
        at = np.flatnonzero((self.nodes == 0).all(axis=1))
        return float(self.node_loss[at[0]]) if len(at) else float("nan")

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest finite loss of the grid; NaN where there is none."""
        finite = self.loss[np.isfinite(self.loss)]
        return (float(finite.min()), float(finite.max())) if len(finite) else (float("nan"), float("nan"))

    def __repr__(self) -> str:
        low, high = self.range
        error = self.error if self.error is not None else "every point evaluated"
        return (
            f"Surface({len(self.alphas)}×{len(self.betas)}, loss {low:.4g}–{high:.4g}, "
            f"centre {self.centre:.4g}{_give_or_take(self.metadata.get('loss_stderr'))}, "
            f"{error}, {self.evaluations} evaluations)"
        )


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
class Curvature:
    """The curvature of a loss at a point, and what one must know to read it."""

    pairs: EigenPairs
    loss: float
    loss_stderr: float  # of the loss as an estimate for all users; 0 when all users are in it, NaN when unknown
    gradient_norm: float  # ‖∇L‖₂; zero only at a stationary point
    params_norm: float  # ‖θ‖₂ over the coordinates in use, for the scale-adjusted λ‖θ‖²
    asymmetry: float  # largest |uᵀHv − vᵀHu| / ‖Hv‖ over the Krylov basis: the noise floor of the products
    metadata: Metadata = field(default_factory=dict)

    def __repr__(self) -> str:
        return (
            f"Curvature({self.pairs!r}, loss {self.loss:.4g}{_give_or_take(self.loss_stderr)}, "
            f"gradient norm {self.gradient_norm:.3g}, λ‖θ‖² {self.pairs.values[0] * self.params_norm**2:.4g}, "
            f"noise floor {self.asymmetry:.0e})"
        )


def _give_or_take(error: float | None) -> str:
    """A standard error to put behind a number; nothing where there is none or it is not known."""
    return f" ± {error:.1g}" if error is not None and error > 0 else ""
