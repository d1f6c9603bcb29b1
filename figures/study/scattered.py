"""Runs as points: flatness against success, and eigenvalues by method."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from landscape.figures.study.points import limits
from landscape.results import Floats
from landscape.results.study.records import ModelSurface, Scatter, ScatterPoint

DECADE = 10.0  # measures of flatness that spread further than this have a logarithmic axis


@dataclass(frozen=True)
class DrawnScatter:
    """The points of a scatter plot that have a place, by method."""

    scatter: Scatter
    by_method: dict[str, list[ScatterPoint]]
    x_limits: tuple[float, float]
    y_limits: tuple[float, float]
    log_x: bool
    left_out: int  # points without a finite value


def drawn_scatter(scatter: Scatter) -> DrawnScatter | None:
    """Return what a scatter plot draws; None if no run has both values."""
    by_method: dict[str, list[ScatterPoint]] = {}
    for point in scatter.points:
        if math.isfinite(point.x) and math.isfinite(point.y):
            by_method.setdefault(point.method, []).append(point)
    points = [point for group in by_method.values() for point in group]
    if not points:
        return None
    x, y = [point.x for point in points], [point.y for point in points]
    log_x = min(x) > 0 and max(x) / min(x) > DECADE
    left_out = len(scatter.points) - len(points)
    return DrawnScatter(scatter, by_method, limits(x, log=log_x), limits(y, log=False), log_x, left_out)


def eigenvalues_by_method(
    surfaces: Sequence[ModelSurface],
) -> tuple[list[str], dict[str, tuple[list[int], Floats]]]:
    """Return the names of the eigenvalues, and for each method its seeds and values (seeds, names); NaN if unknown."""
    names = list(dict.fromkeys(name for drawing in surfaces for name in drawing.eigenvalues))
    by_method: dict[str, tuple[list[int], Floats]] = {}
    for method in dict.fromkeys(drawing.method for drawing in surfaces):
        own = [drawing for drawing in surfaces if drawing.method == method and drawing.eigenvalues]
        rows = [[drawing.eigenvalues.get(name, math.nan) for name in names] for drawing in own]
        values = np.array(rows, dtype=np.float64).reshape(len(own), len(names))
        if np.isfinite(values).any():
            by_method[method] = [drawing.seed for drawing in own], np.where(np.isfinite(values), values, np.nan)
    return names, by_method


def first_surfaces(surfaces: Iterable[ModelSurface]) -> dict[str, dict[str, ModelSurface]]:
    """Return by data set and method the first run that has a surface, or the first run if none has."""
    result: dict[str, dict[str, ModelSurface]] = {}
    for drawing in surfaces:
        own = result.setdefault(drawing.data, {})
        if drawing.method not in own or (own[drawing.method].surface is None and drawing.surface is not None):
            own[drawing.method] = drawing
    return result
