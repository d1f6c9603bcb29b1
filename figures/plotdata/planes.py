"""What lies in a plane besides the surface: names of its axes, marks, a path, a ball and the quadratic model."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.figures.plotdata.scales import Heights, centre_in_view
from landscape.figures.style import GREEK_ALPHA, GREEK_BETA, GREEK_LAMBDA, number, percent, shortened
from landscape.results import Floats, QuadraticRadius, Surface

CENTRE_NAME = "centre"
AROUND = 181  # points of a closed curve
BETWEEN = 24  # points of a path's line from one snapshot to the next, so that it follows the surface


@dataclass(frozen=True)
class Coordinate:
    """One axis of a plane."""

    symbol: str
    label: str  # with what it runs along; any text


def coordinates(surface: Surface) -> tuple[Coordinate, Coordinate]:
    """The axes α and β by the kind of plane that the metadata tells; a path between two points has t instead of α."""
    plane = surface.metadata.get("plane", {})
    kind = plane.get("kind")
    if kind == "toward":
        first, *others = (shortened(name, 20) for name in plane["names"])
        symbols = ("t", GREEK_BETA) if len(others) == 1 else (GREEK_ALPHA, GREEK_BETA)
        along = [f", from {first} to {other}" for other in others]
    elif kind == "trajectory":
        symbols = (GREEK_ALPHA, GREEK_BETA)
        along = [f", principal component {rank} ({percent(share)})" for rank, share in enumerate(plane["shares"], 1)]
    elif kind == "eigen":
        symbols = (GREEK_ALPHA, GREEK_BETA)
        along = [
            f" along eigenvector {number(rank)} ({GREEK_LAMBDA} = {number(value, 3)})"
            for rank, value in zip(plane["numbers"], plane["eigenvalues"], strict=True)
        ]
    else:
        symbols = (GREEK_ALPHA, GREEK_BETA)
        along = [f" along {'random ' if kind == 'random' else ''}direction {rank}" for rank in (1, 2)]
    named = [Coordinate(symbol, symbol + text) for symbol, text in zip(symbols, along, strict=False)]
    return named[0], named[1] if len(named) > 1 else Coordinate(GREEK_BETA, GREEK_BETA)


def heights_at(surface: Surface, values: Floats, points: Floats) -> Floats:
    """What a bilinear patch of ``values`` (B, A) has at points (N, 2) in (α, β): the surface as it is drawn.

    Returns:
        (N,); NaN outside of the surface and beside holes.
    """
    (column, right), (row, up) = (
        _cell(axis, points[:, place]) for place, axis in enumerate((surface.alphas, surface.betas))
    )
    total = np.zeros(len(points))
    for rows, down in ((row, 1 - up), (np.minimum(row + 1, len(surface.betas) - 1), up)):
        for columns, left in ((column, 1 - right), (np.minimum(column + 1, len(surface.alphas) - 1), right)):
            weight = down * left
            total += np.where(weight == 0, 0.0, weight * values[rows, columns])
    return np.where(np.isnan(right) | np.isnan(up), np.nan, total)


def _cell(axis: Floats, at: Floats) -> tuple[NDArray[np.int64], Floats]:
    """In which interval of the axis each point lies, and how far in it (0 to 1, NaN outside)."""
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
    value: float  # of the loss, or of what is drawn in its place; NaN where it is not known
    evaluated: bool

    @property
    def told(self) -> str:
        """What the value is, and how it is known."""
        if math.isnan(self.value):
            return "unknown"
        return f"{number(self.value, 5)}, {'evaluated' if self.evaluated else 'interpolated'}"


def spots(surface: Surface) -> list[Spot]:
    """The centre, under the name of the mark there if there is one, and the other marks within the surface."""
    named = {(mark.alpha, mark.beta): mark.name for mark in surface.marks}
    found = []
    if (0.0, 0.0) not in named and math.isfinite(centre_in_view(surface)):
        found.append(Spot(CENTRE_NAME, 0.0, 0.0, surface.centre, True))
    for (alpha, beta), name in named.items():
        at = np.flatnonzero((surface.nodes == (alpha, beta)).all(1))
        value = surface.node_loss[at[0]] if len(at) else heights_at(surface, surface.loss, np.array([[alpha, beta]]))[0]
        within = all(axis[0] <= place <= axis[-1] for axis, place in ((surface.alphas, alpha), (surface.betas, beta)))
        if within:
            found.append(Spot(name, alpha, beta, float(value), bool(len(at))))
    return found


def snapshot_names(surface: Surface) -> list[str]:
    """What to call the points of the path, in their order."""
    if surface.trajectory is None:
        return []
    return list(surface.trajectory.names) or [
        f"snapshot {index + 1}" for index in range(len(surface.trajectory.points))
    ]


def snapshot_told(surface: Surface) -> list[list[str]]:
    """Of each point of the path: its name, which it is of how many, its own loss and how far it lies off the plane."""
    if surface.trajectory is None:
        return []
    told = []
    for index, name in enumerate(snapshot_names(surface)):
        lines = [name, f"{index + 1} of {len(surface.trajectory.points)} on the path"]
        if len(surface.trajectory.loss):
            lines.append(f"its own loss {number(float(surface.trajectory.loss[index]), 5)}")
        lines.append(f"{number(float(surface.trajectory.off_plane[index]), 3)} off the plane")
        told.append(lines)
    return told


def path_line(points: Floats) -> Floats:
    """The path's line (N, 2), with points between its own so that it can be laid on a surface."""
    if len(points) < 2:
        return points
    share = np.linspace(0, 1, BETWEEN, endpoint=False)[:, None]
    pieces = [start + share * (end - start) for start, end in itertools.pairwise(points)]
    return np.concatenate([*pieces, points[-1:]])


def ball(surface: Surface, rho: float) -> Floats:
    """The boundary of ‖αx + βy‖ ≤ ρ as (N, 2) in (α, β): a closed ellipse, or two points of a line.

    Raises:
        ValueError: ρ is not a positive number, the surface does not tell how long its directions are, or they are
            parallel.
    """
    if not (math.isfinite(rho) and rho > 0):
        raise ValueError(f"rho={rho} must be a positive number")
    norms = surface.metadata.get("direction_norms")
    if not norms or not all(norms):
        raise ValueError('the surface does not tell how long its directions are in metadata["direction_norms"]')
    if len(norms) == 1:
        return np.array([[-rho / norms[0], 0.0], [rho / norms[0], 0.0]])
    across = surface.metadata["cosine"] * norms[0] * norms[1]
    gram = np.array([[norms[0] ** 2, across], [across, norms[1] ** 2]])
    if abs(surface.metadata["cosine"]) >= 1:
        raise ValueError("the two directions are parallel: no ellipse bounds the ball in their plane")
    angles = np.linspace(0, 2 * np.pi, AROUND)
    circle = np.stack([np.cos(angles), np.sin(angles)])
    return np.asarray(rho * np.linalg.solve(np.linalg.cholesky(gram).T, circle).T)


def require_quadratic(surface: Surface) -> QuadraticRadius:
    """The quadratic model that the surface carries; ValueError where it has none."""
    if surface.quadratic is None:
        raise ValueError("the surface carries no quadratic model; draw it with quadratic=False")
    return surface.quadratic


def quadratic_heights(surface: Surface, drawn: Heights) -> Floats:
    """(B, A) heights of L + gᵀp + ½ pᵀHp, p = (α, β); NaN where they have none."""
    model = require_quadratic(surface)
    a, b = np.meshgrid(surface.alphas, surface.betas)
    gradient, hessian = model.gradient, model.hessian
    curved = hessian[0, 0] * a * a + (hessian[0, 1] + hessian[1, 0]) * a * b + hessian[1, 1] * b * b
    loss = surface.centre + gradient[0] * a + gradient[1] * b + curved / 2
    return np.log10(loss, out=np.full_like(loss, np.nan), where=loss > 0) if drawn.log else np.asarray(loss)


def quadratic_reach(surface: Surface) -> Floats:
    """Where the loss departs from its quadratic model, as a closed line (N, 2); NaN where it does not."""
    model = require_quadratic(surface)
    radii = np.where(np.isfinite(model.radii), model.radii, np.nan)
    points = radii[:, None] * np.stack([np.cos(model.angles), np.sin(model.angles)], 1)
    return np.concatenate([points, points[:1]])
