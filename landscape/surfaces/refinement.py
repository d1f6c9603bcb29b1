"""How many nodes smooth functions on a plane need, told by the error measured at points left out of the fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from landscape.results import Floats, InterpolationError
from landscape.results.interpolation import Axis, Interpolant, tensor_product

NODES = (5, 9, 17, 33)  # a side; each contains the one before
LEFT_OUT = 16  # points to measure the error at
PLASTIC = 1.324717957244746  # the real root of x³ = x + 1


@dataclass(frozen=True)
class Fit:
    """Interpolants that are good enough, through the same nodes."""

    nodes: tuple[int, int]  # along x and y
    errors: dict[str, InterpolationError]  # by name of the function


def refined(
    evaluate: Callable[[Floats], Floats],
    names: Sequence[str],
    axes: tuple[Axis, Axis],
    tolerance: float,
    resolution: float,
) -> Fit | str:
    """The coarsest interpolants that are all within the tolerance, or why there are none.

    Args:
        evaluate: From points (K, 2) to the values (K, C) of the functions.
        names: Of the functions (C,).
        axes: Of the plane.
        tolerance: The largest error, relative to the range of each function.
        resolution: Errors below this share of a function's largest value are rounding, and not resolved.
    """
    whole_grid = axes[0].count * axes[1].count
    before = dict.fromkeys(names, math.inf)
    reason = ""
    for count, finer in zip(NODES, (*NODES[1:], 2 * NODES[-1] - 1), strict=True):
        at = axes[0].nodes(count), axes[1].nodes(count)
        inner, left_out = tensor_product(*at), _left_out(axes, finer)
        if len(inner) + len(left_out) >= whole_grid:
            costly = f"{count} nodes a side cost as many evaluations as the grid"
            return f"{reason}, and {costly}" if reason else costly
        values = evaluate(np.concatenate([inner, left_out]))
        errors: dict[str, InterpolationError] = {}
        unresolved: list[str] = []
        for name, column in zip(names, values.T, strict=True):
            holes = np.count_nonzero(~np.isfinite(column))
            if holes:
                return f"{_the(name)} is not finite at {holes} of {len(column)} points"
            fitted = Interpolant(axes, column[: len(inner)].reshape(len(at[1]), len(at[0])))
            errors[name] = _measured(fitted, left_out, column[len(inner) :])
            if errors[name].absolute > max(tolerance * np.ptp(column), resolution * np.abs(column).max()):
                unresolved.append(name)
        if not unresolved:
            return Fit((len(at[0]), len(at[1])), errors)
        for name in unresolved:
            if count >= 17 and errors[name].absolute > 0.9 * before[name]:  # coarser ones may not have seen the feature
                return f"the error of {_the(name)} does not fall: {_told(errors[name], count)}"
        before = {name: error.absolute for name, error in errors.items()}
        reason = f"the error of {_the(unresolved[0])} is still {_told(errors[unresolved[0]], count)}"
    return reason


def _the(name: str) -> str:
    return "the loss" if name == "loss" else name


def _told(error: InterpolationError, count: int) -> str:
    return f"{error.relative:.2g} of its range with {count} nodes a side"


def _left_out(axes: tuple[Axis, Axis], finer: int) -> Floats:
    """Some of the nodes of the next finer level, midway between the present ones, where interpolation errs most.

    Those around the centre are always among them; the others are spread over the plane, edges included, by an
    additive recurrence (Roberts 2018), which has no symmetry that the loss could share.
    """
    cells = (finer - 1) // 2  # between the present nodes, along an axis
    counts = [1 if axis.count == 1 else cells for axis in axes]
    central = {(i, j) for i in {(counts[0] - 1) // 2, counts[0] // 2} for j in {(counts[1] - 1) // 2, counts[1] // 2}}
    chosen = dict.fromkeys(sorted(central))
    step = 0
    while len(chosen) < min(LEFT_OUT, counts[0] * counts[1]):
        step += 1
        u, v = ((0.5 + step * PLASTIC**-power) % 1 for power in (1, 2))
        chosen[int(u * counts[0]), int(v * counts[1])] = None
    nodes = [axis.nodes(finer) if axis.count == 1 else axis.nodes(finer)[1::2] for axis in axes]
    return np.array([[nodes[0][i], nodes[1][j]] for i, j in chosen])


def _measured(fitted: Interpolant, left_out: Floats, true: Floats) -> InterpolationError:
    """The interpolant held against ``true`` (K,) at the points ``left_out`` (K, 2)."""
    errors = np.abs(fitted.at(left_out) - true)
    units = [axis.unit(coordinates) for axis, coordinates in zip(fitted.axes, left_out.T, strict=True)]
    near = np.max(np.abs(units), axis=0) <= 0.5
    spread = float(max(fitted.values.max(), true.max()) - min(fitted.values.min(), true.min()))
    with np.errstate(divide="ignore", invalid="ignore"):
        return InterpolationError(
            absolute=float(errors.max()),
            relative=float(errors.max() / spread) if spread > 0 else 0.0,
            near_centre=float((errors[near] / np.abs(true[near])).max()) if near.any() else float("nan"),
            points=len(errors),
        )
