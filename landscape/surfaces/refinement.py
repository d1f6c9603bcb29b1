"""How many Chebyshev nodes smooth functions on a plane need, by the error measured at points left out of the fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from landscape.results import Floats, InterpolationError
from landscape.results.interpolation import Axis, Interpolant, tensor_product

NODES = (5, 9, 17, 33)  # along each axis; each level contains the one before
SPENT = 0.4  # of the grid's evaluations, that nodes may take: the grid has to do with the rest if they fail
LEFT_OUT = 16  # points at which the error is measured
PLASTIC = 1.324717957244746  # the real root of x³ = x + 1


@dataclass(frozen=True)
class Fit:
    """Interpolants within the tolerance, all through the same nodes."""

    nodes: tuple[int, int]  # along x and y
    errors: dict[str, InterpolationError]  # by name of the function


def refine(
    evaluate: Callable[[Floats], Floats],
    names: Sequence[str],
    axes: tuple[Axis, Axis],
    tolerance: float,
    resolution: float,
) -> Fit | str:
    """Return the coarsest interpolants that are all within the tolerance, or the reason why there are none.

    Args:
        evaluate: From points (K, 2) to the values (K, C) of the functions.
        names: Of the functions (C,).
        axes: Of the plane.
        tolerance: The largest error, relative to the range of each function.
        resolution: Errors below this share of a function's largest value are rounding errors, and are not refined.

    Example:
        >>> axes = Axis(-1.0, 1.0, 51), Axis(-1.0, 1.0, 51)
        >>> refine(lambda points: (points**2).sum(1, keepdims=True), ["bowl"], axes, 1e-3, 1e-15).nodes
        (5, 5)
    """
    grid_points = axes[0].count * axes[1].count
    before = dict.fromkeys(names, math.inf)  # the errors of the level before
    reason = ""
    for count, finer in zip(NODES, (*NODES[1:], 2 * NODES[-1] - 1), strict=True):
        nodes = axes[0].nodes(count), axes[1].nodes(count)
        inner, left_out = tensor_product(*nodes), _left_out(axes, finer)
        if len(inner) + len(left_out) > SPENT * grid_points:
            costly = f"{count} nodes a side cost nearly as many evaluations as the grid"
            return f"{reason}, and {costly}" if reason else costly
        values = evaluate(np.concatenate([inner, left_out]))
        errors: dict[str, InterpolationError] = {}
        unresolved: list[str] = []
        for name, column in zip(names, values.T, strict=True):
            holes = np.count_nonzero(~np.isfinite(column))
            if holes:
                return f"{_the(name)} is not finite at {holes} of {len(column)} points"
            interpolant = Interpolant(axes, column[: len(inner)].reshape(len(nodes[1]), len(nodes[0])))
            errors[name] = _measured_error(interpolant, left_out, column[len(inner) :])
            with np.errstate(over="ignore"):  # of losses near the largest number
                allowed = max(tolerance * np.ptp(column), resolution * np.abs(column).max())
            if not (math.isfinite(allowed) and errors[name].absolute <= allowed):
                unresolved.append(name)
        if not unresolved:
            return Fit((len(nodes[0]), len(nodes[1])), errors)
        for name in unresolved:
            # Coarser levels may have missed the feature.
            if count >= 17 and not errors[name].absolute <= 0.9 * before[name]:
                return f"the error of {_the(name)} does not fall: {_text(errors[name], count)}"
        before = {name: error.absolute for name, error in errors.items()}
        reason = f"the error of {_the(unresolved[0])} is still {_text(errors[unresolved[0]], count)}"
    return reason


def _the(name: str) -> str:
    return "the loss" if name == "loss" else name


def _text(error: InterpolationError, count: int) -> str:
    return f"{error.relative:.2g} of its range with {count} nodes a side"


def _left_out(axes: tuple[Axis, Axis], finer: int) -> Floats:
    """Return some nodes of the next finer level, midway between the present ones, where interpolation errs most.

    Those around the centre are always included. The others are spread over the plane, edges included, by an additive
    recurrence (Roberts 2018), which has no symmetry that the loss could share.
    """
    cells = (finer - 1) // 2  # between the present nodes, along an axis
    counts = [1 if axis.count == 1 else cells for axis in axes]
    central = {(i, j) for i in {(counts[0] - 1) // 2, counts[0] // 2} for j in {(counts[1] - 1) // 2, counts[1] // 2}}
    selected = dict.fromkeys(sorted(central))
    step = 0
    while len(selected) < min(LEFT_OUT, counts[0] * counts[1]):
        step += 1
        u, v = ((0.5 + step * PLASTIC**-power) % 1 for power in (1, 2))
        selected[int(u * counts[0]), int(v * counts[1])] = None
    nodes = [axis.nodes(finer) if axis.count == 1 else axis.nodes(finer)[1::2] for axis in axes]
    return np.array([[nodes[0][i], nodes[1][j]] for i, j in selected])


def _measured_error(interpolant: Interpolant, left_out: Floats, true: Floats) -> InterpolationError:
    """Compare the interpolant with the true values (K,) at the points ``left_out`` (K, 2)."""
    errors = np.abs(interpolant.at(left_out) - true)
    units = [axis.unit(coordinates) for axis, coordinates in zip(interpolant.axes, left_out.T, strict=True)]
    near = np.max(np.abs(units), axis=0) <= 0.5
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        spread = float(max(interpolant.values.max(), true.max()) - min(interpolant.values.min(), true.min()))
        return InterpolationError(
            absolute=float(errors.max()),
            relative=float(errors.max() / spread) if spread > 0 else 0.0,
            near_centre=float((errors[near] / np.abs(true[near])).max()) if near.any() else float("nan"),
            points=len(errors),
        )
