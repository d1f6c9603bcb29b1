"""The loss against the distance from the checkpoint: its mean over angles, in one plane and in several."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from landscape.progress import Progress, silent
from landscape.results import Floats, Integers, RadialProfile, Surface
from landscape.results.interpolation import interpolant

ANGLES = 256  # an interpolant's degree on a circle is at most 64: its mean over this many angles is exact
STENCIL = 4  # points of a grid that a cubic goes through, along each axis


def angular_mean(surface: Surface, radii: ArrayLike) -> Floats:
    """Compute the mean of the loss over all directions of a plane at distances r = √(α² + β²) from its origin.

    The trapezoidal rule over angles, of the polynomial by which the surface was interpolated; where it was not, of
    the cubics through the 4×4 points of its grid around each place. On a line the mean of both sides, α = ±r.

    Args:
        surface: A plane or a line.
        radii: r (G,), in units of α and β.

    Returns:
        (G,); at r = 0 exactly the loss that was evaluated there. NaN where a loss that is not finite is so near that
        it would contribute.

    Raises:
        ValueError: A radius is negative, or its circle is not within the surface.

    Example:
        The mean of α² + β² over a circle is r²:

        >>> axis = np.linspace(-1, 1, 5)
        >>> loss = axis**2 + axis[:, None] ** 2
        >>> bowl = Surface(axis, axis, loss, np.ones_like(loss, dtype=bool))
        >>> angular_mean(bowl, [0.0, 0.5]).round(12).tolist()
        [0.0, 0.25]
    """
    distances, reach = np.asarray(radii, dtype=float), _reach(surface)
    within = (distances >= 0) & (distances <= reach * (1 + 1e-9))
    if not within.all():
        raise ValueError(f"there is no circle of r = {distances[~within][0]:g}; the surface has those up to {reach:g}")
    units = _units(surface)
    points = np.minimum(distances, reach)[:, None, None] * units  # (G, angles, 2)
    means: Floats = _losses(surface, points.reshape(-1, 2)).reshape(points.shape[:2]).mean(1)
    origin = np.flatnonzero((surface.nodes == 0).all(1))
    if len(origin):
        centre = surface.node_loss[origin[0]]
        means[distances == 0] = centre if np.isfinite(centre) else np.nan
    return means


def radial_profile(
    surfaces: Sequence[Surface],
    radii: ArrayLike | None = None,
    *,
    count: int = 41,
    name: str | None = None,
    level: float = 0.95,
    progress: Progress = silent,
) -> RadialProfile:
    """Compute the loss against the distance in several planes around one checkpoint, with different directions.

    Args:
        surfaces: R planes, or R lines, of the same extent.
        radii: r (G,), ascending from 0; by default ``count`` of them up to the largest circle within the surfaces.
        count: How many.
        name: One of the surfaces' metrics in place of the loss.
        level: Of the confidence intervals.
        progress: Called with (surfaces done, surfaces in all, text).

    Raises:
        ValueError: The surfaces' extents differ, there is no surface, or the radii do not fit; see ``angular_mean``.
    """
    if not surfaces:
        raise ValueError("a radial profile needs at least one surface; there is none")
    columns = [surface if name is None else surface.of(name) for surface in surfaces]
    extents = [_extent(column) for column in columns]
    for extent in extents:
        if not all(map(_close, extent, extents[0])):
            raise ValueError(
                f"the surfaces have the extents {extents[0]} and {extent}; a radial profile needs the same for all"
            )
    at = np.linspace(0, _reach(columns[0]), count) if radii is None else np.asarray(radii, dtype=float)
    if not len(at) or at[0] != 0 or not (np.diff(at) > 0).all():
        raise ValueError(f"the {len(at)} radii of a radial profile must ascend from 0, where its rise begins")
    means: list[Floats] = []
    for column in columns:
        means.append(angular_mean(column, at))
        progress(len(means), len(columns), "surfaces for the radial profile")
    return RadialProfile(at, np.stack(means), level)


def _extent(surface: Surface) -> tuple[float, ...]:
    """Where the surface begins and ends, along α and along β."""
    return tuple(float(axis[end]) for axis in (surface.alphas, surface.betas) for end in (0, -1))


def _close(a: float, b: float) -> bool:
    """Whether two ends are the same up to rounding; False if one is not finite."""
    return math.isfinite(a - b) and abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def _reach(surface: Surface) -> float:
    """The radius of the largest circle around (0, 0) within the surface; on a line, of the largest interval."""
    reach = min((min(-axis[0], axis[-1]) for axis in (surface.alphas, surface.betas) if len(axis) > 1), default=0.0)
    if not 0 < reach < math.inf or any(len(axis) == 1 and axis[0] != 0 for axis in (surface.alphas, surface.betas)):
        raise ValueError(f"no circle around (0, 0) lies within the surface, whose extent is {_extent(surface)}")
    return float(reach)


def _units(surface: Surface) -> Floats:
    """Unit vectors (angles, 2) evenly around the origin; on a line, both directions."""
    if min(surface.loss.shape) == 1:
        along = np.eye(2)[0 if len(surface.alphas) > 1 else 1]
        return np.stack([along, -along])
    angles = 2 * np.pi * np.arange(ANGLES) / ANGLES
    return np.column_stack([np.cos(angles), np.sin(angles)])


def _losses(surface: Surface, points: Floats) -> Floats:
    """The loss (K,) at points (K, 2) between those of the grid."""
    fit = interpolant(surface)
    if fit is not None:
        return fit.at(points)
    rows, by_row = _cubics(surface.betas, points[:, 1])
    columns, by_column = _cubics(surface.alphas, points[:, 0])
    losses = np.where(np.isfinite(surface.loss), surface.loss, np.nan)[rows[:, :, None], columns[:, None, :]]
    result: Floats = np.einsum("ki,kij,kj->k", by_row, losses, by_column)
    return result


def _cubics(grid: Floats, at: Floats) -> tuple[Integers, Floats]:
    """Indices and weights of the points of an ascending grid for Lagrange interpolation at coordinates (K,).

    Both are (K, 4), or narrower where the grid has fewer points.
    """
    width = min(STENCIL, len(grid))
    first = np.clip(np.searchsorted(grid, at, side="right") - width // 2, 0, len(grid) - width)
    indices = first[:, None] + np.arange(width)
    near, own = grid[indices], np.eye(width, dtype=bool)
    apart = np.where(own, 1.0, near[:, :, None] - near[:, None, :])
    weights: Floats = np.where(own, 1.0, (at[:, None, None] - near[:, None, :]) / apart).prod(2)
    return indices, weights
