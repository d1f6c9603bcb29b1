"""A surface as a mesh: the sheet that the page shows, and a solid under it that can be printed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.figures.plotdata.extents import aspect, is_plane
from landscape.figures.plotdata.scales import Heights
from landscape.figures.plotdata.surfaces.comparison import compare_surfaces
from landscape.figures.plotdata.surfaces.drawable import drawable
from landscape.figures.style import number
from landscape.results import Floats, Integers, Surface

SIZE = 100.0  # mm, the longer side of a solid
BASE = 3.0  # mm below its lowest point
RELIEF = aspect(np.array([0.0, 1.0]), np.array([0.0, 1.0]))[2]  # height by the longer side, as on the page


@dataclass(frozen=True)
class Sheet:
    """The points of a surface that have a height, and the cells between them."""

    points: Floats  # (N, 3) α, β and the height
    cells: Integers  # (C, 4) the corners of quadrilaterals, counter-clockwise from above; (C, 2) ends of segments
    rows: Integers  # (N,) where the points are on the grid, row by row
    left_out: int  # points of the grid without a height


@dataclass(frozen=True)
class Solid:
    """A closed body of triangles, in mm."""

    points: Floats  # (N, 3)
    triangles: Integers  # (T, 3) counter-clockwise from outside
    note: str  # what a mm stands for


def heights_of(surface: Surface, scale: str) -> Heights:
    """Return the heights as the page shows them on one of ``SCALES``.

    Raises:
        ValueError: There is nothing to draw on this scale.
    """
    heights = compare_surfaces([drawable(surface)], scale).heights[0]
    if heights is None:
        raise ValueError(f"the surface has no {surface.quantity} that can be drawn on the scale {scale!r}")
    return heights


def sheet(surface: Surface, scale: str) -> Sheet:
    """Return the surface as points and cells; what touches a point without a height is cut out.

    Raises:
        ValueError: There is nothing to draw on this scale.
    """
    values = heights_of(surface, scale).values  # (B, A)
    alphas, betas = np.meshgrid(surface.alphas, surface.betas)
    usable = np.isfinite(values).ravel()
    places = np.cumsum(usable) - 1  # of a point of the grid among those that are kept
    corners = _cells(np.arange(values.size).reshape(values.shape))
    return Sheet(
        points=np.column_stack([alphas.ravel(), betas.ravel(), values.ravel()])[usable],
        cells=places[corners[usable[corners].all(1)]],
        rows=np.flatnonzero(usable),
        left_out=int((~usable).sum()),
    )


def _cells(grid: NDArray[np.int64]) -> Integers:
    """The quadrilaterals (C, 4) between the points of a grid; of a line its segments (C, 2)."""
    if min(grid.shape) == 1:
        line = grid.ravel()
        return np.stack([line[:-1], line[1:]], 1)
    corners = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
    return np.stack([corner.ravel() for corner in corners], 1)


def solid(
    surface: Surface, scale: str, *, size: float = SIZE, relief: float | None = None, base: float = BASE
) -> Solid:
    """Return a body with the surface on its top, a flat bottom at height 0 and upright sides.

    Each cell of the grid is two triangles, so the volume is the integral of the piecewise linear surface.

    Args:
        surface: A plane.
        scale: Of the heights, one of ``SCALES``.
        size: The longer side, in mm.
        relief: Between the lowest and the highest point, in mm; by default in the proportions of the page.
        base: Between the bottom and the lowest point, in mm.

    Raises:
        ValueError: A length is not a positive number, the surface is a line, or a point of it has no height.
    """
    relief = RELIEF * size if relief is None else relief
    for name, length in (("size", size), ("height", relief), ("base", base)):
        if not 0 < length < math.inf:
            raise ValueError(f"{name}={length} must be a positive number of millimetres")
    if not is_plane(surface):
        raise ValueError("a line has no area to make a solid of; export it as csv, json or vtp")
    heights = heights_of(surface, scale)
    if holes := int((~np.isfinite(heights.values)).sum()):
        raise ValueError(
            f"{holes:,} of {heights.values.size:,} grid points have no {heights.label} that is finite, and a solid has "
            "no holes; export it as vtp, which leaves them out, or compute the surface with a smaller --extent"
        )
    sides = aspect(surface.alphas, surface.betas)[:2]
    spans = [float(np.ptp(axis)) for axis in (surface.alphas, surface.betas)]
    xs, ys = (
        size * side / span * (axis - axis[0])
        for axis, side, span in zip((surface.alphas, surface.betas), sides, spans, strict=True)
    )
    top = base + relief / (heights.high - heights.low) * (heights.values - heights.low)
    units = [number(span / (size * side), 3) for span, side in zip(spans, sides, strict=True)]
    rise = number((heights.high - heights.low) / relief, 3)
    return Solid(
        *_body(xs, ys, top),
        note=f"1 mm is {units[0]} of alpha, {units[1]} of beta and {rise} of {'log10 ' * heights.log}"
        f"{heights.quantity}",
    )


def _body(xs: Floats, ys: Floats, top: Floats) -> tuple[Floats, Integers]:
    """Points and triangles of the body between z = 0 and the heights ``top`` (B, A)."""
    x, y = np.meshgrid(xs, ys)
    grid = np.arange(top.size).reshape(top.shape)
    a, b, c, d = _cells(grid).T
    rim = np.concatenate([grid[0, :-1], grid[:-1, -1], grid[-1, :0:-1], grid[:0:-1, 0]])  # counter-clockwise
    below = top.size + np.arange(len(rim))
    following, below_following = np.roll(rim, -1), np.roll(below, -1)
    middle = np.full(len(rim), top.size + len(rim))  # of the bottom, from which its triangles fan out
    points = np.concatenate(
        [
            np.stack([x, y, top], 2).reshape(-1, 3),
            np.column_stack([x.ravel()[rim], y.ravel()[rim], np.zeros(len(rim))]),
            [[(xs[0] + xs[-1]) / 2, (ys[0] + ys[-1]) / 2, 0.0]],
        ]
    )
    triangles = [(a, b, c), (a, c, d), (rim, below, below_following), (rim, below_following, following),
                 (middle, below_following, below)]  # fmt: skip
    return points, np.concatenate([np.stack(corners, 1) for corners in triangles])
