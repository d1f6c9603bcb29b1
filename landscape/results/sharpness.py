"""A table of sharpness."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from landscape.choices import one_of
from landscape.results.display.display_names import display_name
from landscape.results.display.frames import Tabular, from_rows
from landscape.results.display.plotting import Plotted
from landscape.results.display.tables import Row, Table, TableDisplay
from landscape.results.numerics.arrays import Floats, Integers, Metadata


def _format(value: float, error: float) -> str:
    return f"{value:.3g}" + ("" if math.isnan(error) else f" ± {error:.1g}")


@dataclass(frozen=True)
class Sharpness(Plotted, TableDisplay, Tabular):
    """How much the loss rises within, or at, a distance ρ of a point: a table of kinds of sharpness by ρ.

    The worst cases are values at points within the ball, and so lower bounds of the true maximum.
    """

    kinds: tuple[str, ...]  # (K,) of ``KINDS``
    rhos: Floats  # (R,) ρ; of the adaptive kinds in units of T
    values: Floats  # (R, K) L(θ + δ) - L(θ); inf or NaN where the loss is
    stderr: Floats  # (R, K) standard error of the averages, rounding included; NaN for the worst cases
    evaluations: Integers  # (R, K) of the loss for each value, with the one at θ, which all share
    steps: Integers  # (R, K) of ascent taken; 0 for the averages
    last_gain: Floats  # (R, K) what the last step added: 0 where its point was not higher; NaN for the averages
    gap: Floats  # (R, K) ρ‖∇‖ - ∇ᵀu, where the ascent ended at u: zero at a stationary point of the ball
    loss: float  # L(θ)
    noise: float  # standard deviation of the loss's rounding errors; values below it are not significant
    gradient_norm: float  # ‖∇L‖₂
    params_norm: float  # ‖θ‖₂ over the active coordinates
    eigenvalue: float = math.nan  # λmax, if it is known
    metadata: Metadata = field(default_factory=dict)

    @property
    def scaled_eigenvalue(self) -> float:
        """λmax‖θ‖², which a common factor of the parameters does not change; NaN without an eigenvalue."""
        return self.eigenvalue * self.params_norm**2

    def column(self, kind: str) -> Floats:
        """Return the values (R,) of one kind.

        Raises:
            ValueError: It is not in the table.
        """
        return self.values[:, self.kinds.index(one_of(kind, self.kinds, "kind"))]

    def tables(self) -> list[Table]:
        """Return a row for each kind, a column for each ρ."""
        rows: list[Row] = [
            (display_name(kind), *((float(self.values[r, k]), float(self.stderr[r, k])) for r in range(len(self.rhos))))
            for k, kind in enumerate(self.kinds)
        ]
        last = [("λmax‖θ‖²", self.scaled_eigenvalue), ("gradient norm", self.gradient_norm)]
        blank = ("",) * (len(self.rhos) - 1)
        rows += [(name, value, *blank) for name, value in last if not math.isnan(value)]
        return [Table("Rise of the loss within ρ", ("", *(f"ρ = {rho:g}" for rho in self.rhos)), rows)]

    def rows(self) -> list[dict[str, str | float | int]]:
        """Return the rows of a table: kind, rho, value, stderr, evaluations, steps, last_gain and gap, kind by kind."""
        return [
            {
                "kind": kind,
                "rho": float(rho),
                "value": float(self.values[r, k]),
                "stderr": float(self.stderr[r, k]),
                "evaluations": int(self.evaluations[r, k]),
                "steps": int(self.steps[r, k]),
                "last_gain": float(self.last_gain[r, k]),
                "gap": float(self.gap[r, k]),
            }
            for k, kind in enumerate(self.kinds)
            for r, rho in enumerate(self.rhos)
        ]

    def columns(self) -> dict[str, Any]:
        """Return ``rows`` by column."""
        return from_rows(self.rows())

    def __repr__(self) -> str:
        columns = [
            f"{kind} {', '.join(map(_format, self.values[:, k], self.stderr[:, k]))}"
            for k, kind in enumerate(self.kinds)
        ]
        scaled = "" if math.isnan(self.eigenvalue) else f", λ‖θ‖² {self.scaled_eigenvalue:.4g}"
        return (
            f"Sharpness(at ρ {', '.join(f'{rho:g}' for rho in self.rhos)}: {'; '.join(columns)}; loss {self.loss:.4g}, "
            f"gradient norm {self.gradient_norm:.3g}{scaled}, noise {self.noise:.0e})"
        )
