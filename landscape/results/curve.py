"""Paths between models: the loss along them, the curve of low loss between two, the barriers between many."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from landscape.results.display.frames import Tabular
from landscape.results.display.tables import Cell, Row, Table, TableDisplay
from landscape.results.numerics.arrays import Floats, Metadata
from landscape.results.paths import Barrier


@dataclass(frozen=True)
class PathLoss:
    """The loss along a path from t = 0 to t = 1, computed at each t, and its barrier."""

    t: Floats  # (T,)
    loss: Floats  # (T,)
    stderr: Floats  # (T,) of the loss as an estimate for all data; NaN where unknown
    barrier: Barrier


@dataclass(frozen=True)
class LowLossCurve(TableDisplay, Tabular):
    """A quadratic Bézier curve between two models whose bend was trained for a low loss, beside the straight path."""

    straight: PathLoss
    curved: PathLoss
    distance: float  # ‖end − start‖₂
    length: float  # of the curve
    names: tuple[str, str] = ("start", "end")
    bend: Floats | None = None  # (n,) its control point; not stored
    metadata: Metadata = field(default_factory=dict)

    @property
    def coordinates(self) -> Floats:
        """(T, 2) the curve in the plane start + α·(end − start) + β·(bend − start)."""
        t = self.curved.t
        return np.stack([t**2, 2 * t * (1 - t)], 1)

    def tables(self) -> list[Table]:
        """Return length, largest loss and barrier of both paths."""
        paths = {"straight": (self.straight, self.distance), "curved": (self.curved, self.length)}
        rows: list[Row] = []
        for name, (path, length) in paths.items():
            top, barrier = int(np.argmax(path.loss)), path.barrier
            height = (barrier.height, barrier.stderr)
            rows.append((name, height, barrier.at, (float(path.loss[top]), _known(path.stderr[top])), length))
        title = f"Paths from {self.names[0]} to {self.names[1]}"
        return [Table(title, ("", "barrier ± standard error", "at t", "highest loss", "length"), rows)]

    def columns(self) -> dict[str, Any]:
        """Return t, and the loss of both paths with its standard error."""
        return {
            "t": self.straight.t,
            "straight": self.straight.loss,
            "straight_stderr": self.straight.stderr,
            "curved": self.curved.loss,
            "curved_stderr": self.curved.stderr,
        }

    def __repr__(self) -> str:
        barriers = [f"{path.barrier.height:.3g}" for path in (self.straight, self.curved)]
        return f"LowLossCurve(barrier {barriers[0]} straight, {barriers[1]} curved)"


@dataclass(frozen=True)
class BarrierMatrix(TableDisplay, Tabular):
    """The barriers on the straight paths between all pairs of several models."""

    names: tuple[str, ...]  # (M,)
    heights: Floats  # (M, M) symmetric, 0 on the diagonal
    stderr: Floats  # (M, M) of the heights as estimates for all data; NaN where unknown
    at: Floats  # (M, M) the t of each, from the model of the row to that of the column
    distances: Floats  # (M, M) ‖θᵢ − θⱼ‖₂
    losses: Floats  # (M,) of the models
    metadata: Metadata = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.names)
        for name in ("heights", "stderr", "at", "distances"):
            if getattr(self, name).shape != (count, count):
                raise ValueError(f"{name} has shape {getattr(self, name).shape}; {count} names need {(count, count)}")

    def tables(self) -> list[Table]:
        """Return the heights with their errors, and each model's loss."""
        rows: list[Row] = []
        for i, name in enumerate(self.names):
            cells: list[Cell] = [
                "–" if i == j else (float(self.heights[i, j]), _known(self.stderr[i, j]))
                for j in range(len(self.names))
            ]
            rows.append((name, float(self.losses[i]), *cells))
        return [Table("Barriers on straight paths (± standard error)", ("", "loss", *self.names), rows)]

    def columns(self) -> dict[str, Any]:
        """Return a row for each pair: start, end, barrier, its standard error, the t of it, and the distance."""
        pairs = np.triu_indices(len(self.names), 1)
        return {
            "start": [self.names[i] for i in pairs[0]],
            "end": [self.names[j] for j in pairs[1]],
            "barrier": self.heights[pairs],
            "stderr": self.stderr[pairs],
            "at": self.at[pairs],
            "distance": self.distances[pairs],
        }

    def __repr__(self) -> str:
        above = self.heights[np.triu_indices(len(self.names), 1)]
        spread = f", barriers {above.min():.3g} to {above.max():.3g}" if len(above) else ""
        return f"BarrierMatrix({len(self.names)} models{spread})"


def _known(stderr: float) -> float:
    """A standard error to be shown; 0 means that all data were used, and is not."""
    return float(stderr) or math.nan
