"""Points and paths in a plane: marked models, the trajectory of a training run, the barrier between two models."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from landscape.results.arrays import Floats
from landscape.results.tables import Row, Table


@dataclass(frozen=True)
class Mark:
    """A point of interest in a plane."""

    name: str
    alpha: float
    beta: float


@dataclass(frozen=True)
class Trajectory:
    """Points of a training run, placed in a plane by least squares."""

    points: Floats  # (T, 2) coordinates of the snapshots
    off_plane: Floats  # (T,) distance of each from the plane, ‖·‖₂
    names: tuple[str, ...] = ()  # (T,) of the snapshots; empty where they have none
    loss: Floats = field(default_factory=lambda: np.empty(0))  # (T,) at the snapshots themselves, not in the plane

    def __post_init__(self) -> None:
        count = len(self.off_plane)
        if self.points.shape != (count, 2) or len(self.names) not in (0, count) or len(self.loss) not in (0, count):
            raise ValueError(
                f"points {self.points.shape}, {count} distances, {len(self.names)} names and {len(self.loss)} losses "
                "do not fit; they must be (T, 2), (T,), and (T,) or none"
            )

    def table(self) -> Table:
        """Return a row for each snapshot."""
        names = self.names or tuple(str(i + 1) for i in range(len(self.off_plane)))
        losses = self.loss if len(self.loss) else np.full(len(names), np.nan)
        rows: list[Row] = [
            (name, float(point[0]), float(point[1]), float(off), float(loss))
            for name, point, off, loss in zip(names, self.points, self.off_plane, losses, strict=True)
        ]
        return Table("Path", ("", "α", "β", "beside the plane", "its own loss"), rows)


@dataclass(frozen=True)
class Barrier:
    """How far the loss rises on a straight path above the line between its ends."""

    height: float  # max over t of L(t) − ((1 − t)·L(0) + t·L(1)); 0 where the path never rises above
    at: float  # the t of it
    above_ends: float  # max over t of L(t) − max(L(0), L(1)); 0 likewise
    error: float  # what the interpolation may be off by; 0 on a grid, whose points may miss a peak

    def table(self) -> Table:
        """Return the height above the straight line and above the higher end."""
        rows: list[Row] = [
            ("above the straight line between the ends", (self.height, self.error), self.at),
            ("above the higher end", (self.above_ends, self.error), ""),
        ]
        return Table("Barrier on the path", ("", "height ± interpolation", "at t"), rows)

    def __repr__(self) -> str:
        return f"Barrier({self.height:.3g} at t = {self.at:.2f}, {self.above_ends:.3g} above the higher end)"
