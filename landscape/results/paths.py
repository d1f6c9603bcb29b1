"""Points and paths in a plane: marked models, the trajectory of a training run, the barrier between two models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from landscape.results.arrays import Floats
from landscape.results.estimates import SingleNumber
from landscape.results.frames import Tabular
from landscape.results.tables import NotebookDisplay, Row, Table


@dataclass(frozen=True)
class Mark:
    """A point of interest in a plane."""

    name: str
    alpha: float
    beta: float


@dataclass(frozen=True)
class Trajectory(NotebookDisplay, Tabular):
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
        rows: list[Row] = [
            (name, *map(float, numbers)) for name, *numbers in zip(*self.columns().values(), strict=True)
        ]
        return Table("Path", ("", "α", "β", "beside the plane", "its own loss"), rows)

    def columns(self) -> dict[str, Any]:
        """Return name, alpha, beta, off_plane and loss of each snapshot; names are numbers where there are none."""
        count = len(self.off_plane)
        return {
            "name": [*self.names] if self.names else [str(i + 1) for i in range(count)],
            "alpha": self.points[:, 0],
            "beta": self.points[:, 1],
            "off_plane": self.off_plane,
            "loss": self.loss if len(self.loss) else np.full(count, np.nan),
        }

    def __repr__(self) -> str:
        furthest = f", up to {self.off_plane.max():.3g} beside the plane" if len(self.off_plane) else ""
        return f"Trajectory({len(self.off_plane)} snapshots{furthest})"


@dataclass(frozen=True)
class Barrier(SingleNumber, NotebookDisplay):
    """How far the loss rises on a straight path above the line between its ends; as a number, the height."""

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

    def __float__(self) -> float:
        return self.height

    def __repr__(self) -> str:
        return f"Barrier({self.height:.3g} at t = {self.at:.2f}, {self.above_ends:.3g} above the higher end)"
