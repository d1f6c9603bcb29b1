"""A grid after nodes were evaluated in vain: its smoothest points are interpolated, as many as the nodes have cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from dataclasses import dataclass

import numpy as np

from landscape.results import Floats, InterpolationError
from landscape.results.interpolation import Axis, tensor_product

CONTROLS = 16  # points at which the error is measured
MIDPOINT = np.array([-1, 9, 9, -1]) / 16  # of the cubic through four equidistant values, in the middle of them
EXTRAPOLATION = 5.0  # by which the ends of a row count as rougher: their polynomials are not centred
FIRST = np.array([5, 15, -5, 1]) / 16  # between the first two of them


@dataclass(frozen=True)
class FilledGrid:
    """Points of a grid that were interpolated instead of evaluated, and how well that works at others."""

    points: Floats  # (T, 2)
    values: Floats  # (T, C) of the functions there
    errors: list[InterpolationError]  # of the functions (C,); empty where there is no other point to measure them at


def evaluate_grid(
    evaluate: Callable[[Floats], Floats], axes: tuple[Axis, Axis], known: Container[tuple[float, float]], spare: int
) -> FilledGrid:
    """Evaluate a grid but for ``spare`` of its points.

    Every other column is evaluated first. Between two of them values follow from cubic polynomials along the row, and
    those points are spared where its third differences are smallest; next to a value that is not finite, none is. The
    error is measured at the next smoothest points, which are evaluated.

    Args:
        evaluate: From points (K, 2) to the values (K, C) of the functions.
        axes: Of the grid; a line is a row, whichever axis it is along.
        known: Points (α, β) that cost nothing, since they have been evaluated.
        spare: How many evaluations are to be saved.
    """
    grid = tensor_product(axes[0].grid(), axes[1].grid())
    rows = grid.reshape(axes[1].count, axes[0].count, 2)
    if axes[0].count == 1:
        rows = rows.swapaxes(0, 1)
    coarse = rows[:, ::2]
    if spare == 0 or coarse.shape[1] < len(MIDPOINT):
        evaluate(grid)
        return FilledGrid(np.empty((0, 2)), np.empty((0, 0)), [])
    values = evaluate(coarse.reshape(-1, 2)).reshape(*coarse.shape[:2], -1)  # (R, M, C)
    between = rows[:, 1::2][:, : values.shape[1] - 1].reshape(-1, 2)  # a point in each interval
    predicted = _between(values).reshape(len(between), -1)
    rough = _roughness(values).ravel()
    usable = np.isfinite(rough) & np.array([tuple(point) not in known for point in between.tolist()])
    order = np.flatnonzero(usable)[np.argsort(rough[usable], kind="stable")]
    spared, controls = order[:spare], order[spare : spare + CONTROLS]
    left_out = set(map(tuple, between[spared].tolist()))
    evaluate(np.array([point for point in grid.tolist() if tuple(point) not in left_out]))
    true = evaluate(between[controls]) if len(controls) else np.empty((0, values.shape[2]))
    near = np.array([max(map(abs, _unit(point, axes))) <= 0.5 for point in between[controls]], dtype=bool)
    errors = [
        _error(predicted[controls, column], true[:, column], near, values[:, :, column])
        for column in range(values.shape[2] if len(controls) else 0)
    ]
    return FilledGrid(between[spared], predicted[spared], errors)


def _between(values: Floats) -> Floats:
    """Return values (R, M - 1, C) midway between those (R, M, C) along the row, by cubic polynomials.

    >>> _between((np.arange(6.0) ** 3)[None, :, None]).ravel()  # (1/2)³, (3/2)³, …
    array([ 0.125,  3.375, 15.625, 42.875, 91.125])
    """
    with np.errstate(invalid="ignore", over="ignore"):
        windows = np.lib.stride_tricks.sliding_window_view(values, len(MIDPOINT), axis=1)  # (R, M - 3, C, 4)
        ends = windows[:, :1] @ FIRST, windows[:, -1:, :, ::-1] @ FIRST
        result: Floats = np.concatenate([ends[0], windows @ MIDPOINT, ends[1]], axis=1)
    return result


def _roughness(values: Floats) -> Floats:
    """Return third differences (R, M - 1) around the intervals between values (R, M, C), as shares of the range."""
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore", over="ignore"):
        high, low = (extreme(np.where(finite, values, 0), axis=(0, 1)) for extreme in (np.max, np.min))
        differences = np.abs(np.diff(values, 3, axis=1) / np.where(high > low, high - low, 1)).max(2)
    differences = np.where(np.isfinite(differences), differences, np.inf)
    ends = EXTRAPOLATION * differences[:, :1], EXTRAPOLATION * differences[:, -1:]
    return np.concatenate([ends[0], differences, ends[1]], axis=1)


def _unit(point: Floats, axes: tuple[Axis, Axis]) -> list[float]:
    return [float(axis.unit(np.array([at]))[0]) for axis, at in zip(axes, point, strict=True)]


def _error(predicted: Floats, true: Floats, near: Floats, values: Floats) -> InterpolationError:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        difference, spread = np.abs(predicted - true), float(np.ptp(values[np.isfinite(values)]))
        shares = difference[near] / np.abs(true[near])
        return InterpolationError(
            absolute=float(difference.max()),
            relative=float(difference.max() / spread) if spread > 0 else 0.0,
            near_centre=float(shares.max()) if len(shares) else math.nan,
            points=len(true),
        )
