"""The shape of a surface and the part of the plane that it covers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from landscape.results import Floats, Surface


def is_plane(surface: Surface) -> bool:
    """Whether the surface covers an area, and not a line or a point."""
    return bool(min(surface.loss.shape) > 1)


def require_plane(surface: Surface) -> None:
    """Raise ValueError for a line or a point, which have no area to draw."""
    if not is_plane(surface):
        raise ValueError(f"{_size(surface)} points have no area; draw them with line_figure")


def line_column(surface: Surface) -> int:
    """Return which coordinate varies along a line: its column in ``surface.nodes``.

    Raises:
        ValueError: Both coordinates vary.
    """
    if len(surface.betas) == 1:
        return 0
    if len(surface.alphas) == 1:
        return 1
    raise ValueError(f"{_size(surface)} points make a plane; draw it with surface_figure")


def _size(surface: Surface) -> str:
    return f"{len(surface.alphas)}×{len(surface.betas)}"


def ends(coordinates: Floats) -> tuple[float, float]:
    """Return the first and the last coordinate."""
    return float(coordinates[0]), float(coordinates[-1])


def aspect(alphas: Floats, betas: Floats) -> tuple[float, float, float]:
    """Return the sides of the box of a 3D scene that shows these coordinates."""
    spans = np.array([np.ptp(alphas), np.ptp(betas)])
    sides = np.maximum(spans / spans.max(), 0.35)  # a long strip stays readable, if not to scale
    return float(sides[0]), float(sides[1]), 0.72


def is_square(surface: Surface) -> bool:
    """Whether both coordinates can be drawn to the same scale."""
    return bool(0.25 <= np.ptp(surface.betas) / np.ptp(surface.alphas) <= 4)


def centre_in_view(surface: Surface) -> float:
    """Return the loss at (0, 0); NaN if that point was not evaluated or lies outside of the surface's coordinates."""
    within = all(axis.min() <= 0 <= axis.max() for axis in (surface.alphas, surface.betas))
    return surface.centre if within else math.nan


def not_finite(surface: Surface) -> NDArray[np.bool_]:
    """Return the points (B, A) that were evaluated and have no finite loss: they are holes, but not missing."""
    result: NDArray[np.bool_] = surface.evaluated & ~np.isfinite(surface.loss)
    return result
