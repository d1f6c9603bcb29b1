"""Points and paths on a surface: the centre, marks, the snapshots of a training run."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.figures.plotdata.extents import centre_in_view
from landscape.figures.style import PATH_COLOURS, colour, number
from landscape.results import Floats, Surface, Trajectory

CENTRE_NAME = "centre"
BETWEEN = 24  # points of a path's line from one snapshot to the next, so that it follows the surface


def heights_at(surface: Surface, values: Floats, points: Floats) -> Floats:
    """Interpolate ``values`` (B, A) bilinearly at points (N, 2) in (α, β): the surface as it is drawn.

    Returns:
        (N,); NaN outside of the surface and beside holes.
    """
    (column, right), (row, up) = (
        _interval(axis, points[:, place]) for place, axis in enumerate((surface.alphas, surface.betas))
    )
    total = np.zeros(len(points))
    for rows, down in ((row, 1 - up), (np.minimum(row + 1, len(surface.betas) - 1), up)):
        for columns, left in ((column, 1 - right), (np.minimum(column + 1, len(surface.alphas) - 1), right)):
            weight = down * left
            total += np.where(weight == 0, 0.0, weight * values[rows, columns])
    return np.where(np.isnan(right) | np.isnan(up), np.nan, total)


def _interval(axis: Floats, at: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the interval of the axis in which each point lies, and its place in it: 0 to 1, NaN outside."""
    if len(axis) == 1:
        return np.zeros(len(at), int), np.where(at == axis[0], 0.0, np.nan)
    place = np.clip(np.searchsorted(axis, at, side="right") - 1, 0, len(axis) - 2)
    inside = (at >= axis[0]) & (at <= axis[-1])
    return place, np.where(inside, (at - axis[place]) / (axis[place + 1] - axis[place]), np.nan)


@dataclass(frozen=True)
class Spot:
    """A named point of the plane."""

    name: str
    alpha: float
    beta: float
    value: float  # of the loss, or of the metric that is drawn; NaN if unknown
    evaluated: bool

    @property
    def is_centre(self) -> bool:
        """Whether it is the trained model itself."""
        return (self.alpha, self.beta) == (0, 0)

    @property
    def description(self) -> str:
        """The value, and whether it was evaluated or interpolated."""
        if math.isnan(self.value):
            return "unknown"
        return f"{number(self.value, 5)}, {known(self.evaluated)}"


def known(evaluated: bool) -> str:
    """Return how a value is known."""
    return "evaluated" if evaluated else "interpolated"


def spots(surface: Surface) -> list[Spot]:
    """Return the marks within the surface, and the centre: under the name of the mark that lies there, if any."""
    named = {(mark.alpha, mark.beta): mark.name for mark in surface.marks}
    result = []
    if (0.0, 0.0) not in named and math.isfinite(centre_in_view(surface)):
        result.append(Spot(CENTRE_NAME, 0.0, 0.0, surface.centre, True))
    for (alpha, beta), name in named.items():
        at = np.flatnonzero((surface.nodes == (alpha, beta)).all(1))
        value = surface.node_loss[at[0]] if len(at) else heights_at(surface, surface.loss, np.array([[alpha, beta]]))[0]
        within = all(axis[0] <= place <= axis[-1] for axis, place in ((surface.alphas, alpha), (surface.betas, beta)))
        if within:
            result.append(Spot(name, alpha, beta, float(value), bool(len(at))))
    return result


def trajectory_of(surface: Surface) -> Trajectory | None:
    """Return the path of the training run; None if there is none or it has no points."""
    return surface.trajectory if surface.trajectory is not None and len(surface.trajectory.points) else None


def coloured_paths(surface: Surface) -> list[tuple[Trajectory, tuple[str, ...]]]:
    """Return the paths of all runs that have points, with the colours from first snapshot to last."""
    runs = surface.trajectories
    colours = run_colours(len(runs))
    return [
        (run, PATH_COLOURS if len(runs) == 1 else (PATH_COLOURS[0], last))
        for run, last in zip(runs, colours, strict=True)
        if len(run.points)
    ]


def run_colours(count: int) -> list[str]:
    """Return the colours of the runs in one plane: of one alone that of paths, of several those of models."""
    return [PATH_COLOURS[-1]] if count == 1 else [colour(place) for place in range(count)]


def snapshot_names(trajectory: Trajectory) -> list[str]:
    """Return the names of the points of the path, in their order."""
    return list(trajectory.names) or [f"snapshot {index + 1}" for index in range(len(trajectory.points))]


def snapshot_hovers(trajectory: Trajectory) -> list[list[str]]:
    """Return lines for each point of the path: name, position on the path, its loss and its distance to the plane."""
    hovers = []
    for index, name in enumerate(snapshot_names(trajectory)):
        lines = [trajectory.title] if trajectory.title else []
        lines += [name, f"{index + 1} of {len(trajectory.points)} on the path"]
        if len(trajectory.loss):
            lines.append(f"its own loss {number(float(trajectory.loss[index]), 5)}")
        lines.append(f"{number(float(trajectory.off_plane[index]), 3)} off the plane")
        hovers.append(lines)
    return hovers


def path_line(points: Floats) -> Floats:
    """Return the line (N, 2) through the snapshots, with points between them so that it can follow a surface."""
    if len(points) < 2:
        return points
    share = np.linspace(0, 1, BETWEEN, endpoint=False)[:, None]
    pieces = [start + share * (end - start) for start, end in itertools.pairwise(points)]
    return np.concatenate([*pieces, points[-1:]])
