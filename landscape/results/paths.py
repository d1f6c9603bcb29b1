"""Points and paths in a plane: marked models, the trajectory of a training run, the barrier between two models."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from landscape.results.display.display_names import display_name
from landscape.results.display.frames import Tabular
from landscape.results.display.tables import NotebookDisplay, Row, Table
from landscape.results.numerics.arrays import Floats
from landscape.results.numerics.estimates import SingleNumber


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
    title: str = ""  # of the run
    metric: Floats = field(default_factory=lambda: np.empty(0))  # (T,) of the validation; NaN where there was none
    metric_name: str = ""  # as the run's history calls it

    def __post_init__(self) -> None:
        count = len(self.off_plane)
        if self.points.shape != (count, 2) or any(
            len(values) not in (0, count) for values in (self.names, self.loss, self.metric)
        ):
            raise ValueError(
                f"points {self.points.shape}, {count} distances, {len(self.names)} names and {len(self.loss)} losses "
                f"with {len(self.metric)} metrics do not fit; they must be (T, 2), (T,), and (T,) or none"
            )

    @property
    def share(self) -> float:
        """The share of the squared distances from the centre that lies in the plane; NaN if all are 0."""
        within = float(np.square(self.points).sum())
        total = within + float(np.square(self.off_plane).sum())
        return within / total if total > 0 else math.nan

    def table(self) -> Table:
        """Return a row for each snapshot."""
        columns = self.columns()
        metric = (display_name(self.metric_name),) if self.metric_name else ()
        header = ("", "α", "β", "beside the plane", "its own loss", *metric)
        rows: list[Row] = [(name, *map(float, numbers)) for name, *numbers in zip(*columns.values(), strict=True)]
        return Table(f"Path of {self.title}" if self.title else "Path", header, rows)

    def columns(self) -> dict[str, Any]:
        """Return name, alpha, beta, off_plane, loss and, where it is known, the metric of each snapshot.

        Names are numbers where there are none.
        """
        count = len(self.off_plane)
        metric = {self.metric_name: self.metric if len(self.metric) else np.full(count, np.nan)}
        return {
            "name": [*self.names] if self.names else [str(i + 1) for i in range(count)],
            "alpha": self.points[:, 0],
            "beta": self.points[:, 1],
            "off_plane": self.off_plane,
            "loss": self.loss if len(self.loss) else np.full(count, np.nan),
            **(metric if self.metric_name else {}),
        }

    def __repr__(self) -> str:
        furthest = f", up to {self.off_plane.max():.3g} beside the plane" if len(self.off_plane) else ""
        return f"Trajectory({len(self.off_plane)} snapshots{furthest})"


@dataclass(frozen=True)
class Barrier(SingleNumber, NotebookDisplay):
    """How far the loss rises on a path above the straight line between its ends; as a number, the height."""

    height: float  # max over t of L(t) − ((1 − t)·L(0) + t·L(1)); 0 where the path never rises above
    at: float  # the t of it
    above_ends: float  # max over t of L(t) − max(L(0), L(1)); 0 likewise
    error: float  # what the interpolation may be off by; 0 on a grid, whose points may miss a peak
    stderr: float = math.nan  # of the height as an estimate for all data, at this t; NaN where unknown

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
