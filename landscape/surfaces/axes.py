"""The axes of a surface's grid, from numbers of points and intervals."""

from __future__ import annotations

import math

from landscape.results import Floats
from landscape.results.interpolation import Axis

Interval = tuple[float, float]
Extent = float | Interval | tuple[Interval, Interval]


def plane_axes(points: int | tuple[int, int], extent: Extent, *, line: bool) -> tuple[Axis, Axis]:
    """Return the axes of a plane, or of a line, whose second axis is the coordinate 0 alone.

    Args:
        points: Along each axis, or (A, B) along x and y.
        extent: Both axes go from -extent to extent, or over one interval (low, high), or over an interval each.
        line: Whether there is no second direction.

    Raises:
        ValueError: A number of points is less than 1, an interval is empty or not finite, or a line has a second
            number of points.

    Example:
        >>> axes = plane_axes((3, 2), ((0.0, 1.0), (-1.0, 1.0)), line=False)
        >>> [axis.grid().tolist() for axis in axes]
        [[0.0, 0.5, 1.0], [-1.0, 1.0]]
    """
    counts = points if isinstance(points, tuple) else (points, 1 if line else points)
    if line and counts[1] != 1:
        raise ValueError(f"points={points} means a plane, which needs a second direction: pass y, or one number")
    if min(counts) < 1:
        raise ValueError(f"points={points} makes no grid; each number must be at least 1")
    intervals = _intervals(extent)
    for low, high in intervals:
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"extent={extent} must be a positive number, or intervals (low, high) with low < high")
    axes = tuple(
        Axis(float(low), float(high), int(count)) for (low, high), count in zip(intervals, counts, strict=True)
    )
    return axes[0], (Axis(0.0, 0.0, 1) if line else axes[1])


def _intervals(extent: Extent) -> tuple[Interval, Interval]:
    if not isinstance(extent, tuple):
        extent = (-extent, extent)
    first, second = extent
    if isinstance(first, tuple) and isinstance(second, tuple):
        return first, second
    return extent, extent  # type: ignore[return-value]  # a pair of numbers


def metric_coordinates(axes: tuple[Axis, Axis], points: int | tuple[int, int]) -> tuple[Floats, Floats]:
    """Return the grid coordinates along x and y at which metrics are evaluated.

    Raises:
        ValueError: A number of points is less than 1.
    """
    counts = points if isinstance(points, tuple) else (points, points)
    if min(counts) < 1:
        raise ValueError(f"metric_points={points} makes no grid; each number must be at least 1")
    return axes[0].some(counts[0]), axes[1].some(counts[1])
