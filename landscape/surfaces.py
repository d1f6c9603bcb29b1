"""The loss over a plane of the parameter space, from as few evaluations as its smoothness allows."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape import chebyshev
from landscape.directions import cosine
from landscape.evaluations import Evaluations
from landscape.interpolation import Axis, resample, tensor_product
from landscape.objective import Objective, path_difference, repeat_difference
from landscape.results import Floats, InterpolationError, Metadata, Surface

Metrics = Mapping[str, Callable[[Tensor], float]]  # by name: from parameters (n,) to a number
Progress = Callable[[int, int], None]  # (points done, points needed as far as is known)
Interval = tuple[float, float]
Extent = float | Interval | tuple[Interval, Interval]

NODES = (5, 9, 17, 33)  # a side; each contains the one before
LEFT_OUT = 16  # points to measure the error at
PLASTIC = 1.324717957244746  # the real root of x³ = x + 1


def surface(
    objective: Objective[Any],
    x: Tensor | Floats,
    y: Tensor | Floats | None = None,
    *,
    points: int | tuple[int, int] = 51,
    extent: Extent = 1.0,
    tolerance: float = 1e-3,
    grid: bool = False,
    metrics: Metrics | None = None,
    evaluations: Evaluations | None = None,
    progress: Progress | None = None,
) -> Surface:
    """The loss at θ₀ + α·x + β·y on a grid of (α, β); on a line without ``y``.

    A loss is smooth in the parameters, so the grid is interpolated from nested Chebyshev nodes, 5 a side, then 9, 17
    and 33, until the error measured at points left out of the fit is at most ``tolerance`` times the range of the
    losses. All points of the grid are evaluated instead, and the metadata says why, where a loss is not finite, the
    error does not fall, or nodes would cost as much as the grid. A feature so narrow that no evaluated point meets it
    stays unseen, as it does between the points of a grid.

    Args:
        objective: The loss, around whose parameters θ₀ the plane lies.
        x: The first direction (n,).
        y: The second direction (n,), not necessarily orthogonal; None for a line.
        points: Of the grid, along each axis, or (A, B) along x and y.
        extent: Both axes go from -extent to extent, or over one interval (low, high), or each over its own.
        tolerance: The largest error, relative to the range of the losses.
        grid: Whether to evaluate every point of the grid.
        metrics: Further functions of the parameters by name. They may jump from point to point, so they need ``grid``.
        evaluations: Where points are kept while the surface is in the making; one with a path survives interruptions.
        progress: Called with (points done, points needed as far as is known).

    Returns:
        The surface; its ``nodes`` are all points evaluated, the centre always among them.

    Raises:
        ValueError: An argument is out of range, or the loss is not the same when evaluated twice.
    """
    axes = _axes(points, extent, line=y is None)
    if not (math.isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"tolerance={tolerance} must be a positive number; grid=True evaluates every point")
    if metrics and not grid:
        raise ValueError(f"metrics may jump, so {', '.join(metrics)} cannot be interpolated; pass grid=True with them")
    started = time.monotonic()
    directions = torch.stack([_direction(objective, direction) for direction in (x, y) if direction is not None])
    store = evaluations if evaluations is not None else Evaluations()
    plane = _Plane(objective, directions, dict(metrics or {}), store, progress)
    plane.bind()
    try:
        centre = float(plane.evaluate(np.zeros((1, 2)))[0])
        checks = {
            "repeat_difference": repeat_difference(objective, centre),
            "gradient_path_difference": path_difference(objective, centre),
        }
        fit = "every point was asked for" if grid else _refined(plane, axes, tolerance)
        if isinstance(fit, str):
            plane.evaluate(tensor_product(axes[0].grid(), axes[1].grid()))
    finally:
        plane.evaluations.save()
    metadata: Metadata = {
        **_described(objective, directions),
        **checks,
        "tolerance": tolerance,
        "extent": [[axis.low, axis.high] for axis in axes],
        "seconds": time.monotonic() - started,
    }
    return _result(plane, axes, fit, metadata)


@dataclass
class _Plane:
    """Points of the plane, each evaluated once."""

    objective: Objective[Any]
    directions: Tensor  # (1 or 2, n)
    metrics: dict[str, Callable[[Tensor], float]]
    evaluations: Evaluations
    progress: Progress | None
    wanted: set[tuple[float, float]] = field(default_factory=set)

    def bind(self) -> None:
        digest = hashlib.sha256()
        for tensor in (self.objective.params, self.directions):
            digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(tensor.cpu().contiguous().view(torch.uint8).numpy().data)
        self.evaluations.bind(digest.hexdigest(), ("loss", *self.metrics))

    def evaluate(self, points: Floats) -> Floats:
        """The losses (K,) at points (K, 2); only those not known yet are computed."""
        pairs = [(a, b) for a, b in points.tolist()]
        self.wanted.update(pairs)
        missing = list(dict.fromkeys(pair for pair in pairs if pair not in self.evaluations))
        self._report(len(missing))
        while missing:
            now, missing = missing[: self.objective.points_at_once], missing[self.objective.points_at_once :]
            coefficients = np.array(now)[:, : len(self.directions)]  # (k, m); a line has no second coordinate
            losses = self.objective.along(self.directions, coefficients)
            for pair, row, loss in zip(now, coefficients, losses.tolist(), strict=True):
                self.evaluations.add(pair, (loss, *self._metrics(row)))
            self.evaluations.save(now=False)
            self._report(len(missing))
        return self.evaluations.column(points)

    def _metrics(self, row: Floats) -> list[float]:
        if not self.metrics:
            return []
        params = self.objective.point(self.directions, row)
        return [float(metric(params)) for metric in self.metrics.values()]

    def _report(self, missing: int) -> None:
        if self.progress is not None:
            self.progress(len(self.wanted) - missing, len(self.wanted))


@dataclass(frozen=True)
class _Fit:
    """An interpolant that is good enough."""

    nodes: tuple[int, int]  # along x and y
    error: InterpolationError


def _refined(plane: _Plane, axes: tuple[Axis, Axis], tolerance: float) -> _Fit | str:
    """The coarsest interpolant within the tolerance, or why there is none."""
    whole_grid = axes[0].count * axes[1].count
    before = math.inf
    for count, finer in zip(NODES, (*NODES[1:], 2 * NODES[-1] - 1), strict=True):
        at = axes[0].nodes(count), axes[1].nodes(count)
        inner, left_out = tensor_product(*at), _left_out(axes, finer)
        if len(inner) + len(left_out) >= whole_grid:
            return f"{count} nodes a side cost as many evaluations as the grid"
        values = plane.evaluate(np.concatenate([inner, left_out]))
        if not np.isfinite(values).all():
            return f"{np.count_nonzero(~np.isfinite(values))} of {len(values)} losses are not finite"
        fitted, true = values[: len(inner)].reshape(len(at[1]), len(at[0])), values[len(inner) :]
        error = _measured(axes, fitted, left_out, true)
        # Below a few units in the last place of the network's numbers there is nothing to resolve.
        resolution = 8 * torch.finfo(plane.objective.params.dtype).eps * float(np.abs(values).max())
        if error.absolute <= max(tolerance * float(np.ptp(values)), resolution):
            return _Fit((len(at[0]), len(at[1])), error)
        if count >= 17 and error.absolute > 0.9 * before:  # coarser ones may not have seen the feature yet
            return f"the error does not fall: {error.relative:.2g} of the range with {count} nodes a side"
        before = error.absolute
    return f"the error is still {error.relative:.2g} of the range with {NODES[-1]} nodes a side"


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


def _measured(axes: tuple[Axis, Axis], fitted: Floats, left_out: Floats, true: Floats) -> InterpolationError:
    """The interpolant through ``fitted`` (M, N) held against ``true`` (K,) at the points ``left_out`` (K, 2)."""
    units = [axis.unit(left_out[:, i]) for i, axis in enumerate(axes)]
    by_row = chebyshev.interpolation_matrix(fitted.shape[0], units[1])  # (K, M)
    by_column = chebyshev.interpolation_matrix(fitted.shape[1], units[0])  # (K, N)
    errors = np.abs(np.einsum("km,mn,kn->k", by_row, fitted, by_column) - true)
    near = np.max(np.abs(units), axis=0) <= 0.5
    spread = float(max(fitted.max(), true.max()) - min(fitted.min(), true.min()))
    with np.errstate(divide="ignore", invalid="ignore"):
        return InterpolationError(
            absolute=float(errors.max()),
            relative=float(errors.max() / spread) if spread > 0 else 0.0,
            near_centre=float((errors[near] / np.abs(true[near])).max()) if near.any() else float("nan"),
            points=len(errors),
        )


def _result(plane: _Plane, axes: tuple[Axis, Axis], fit: _Fit | str, metadata: Metadata) -> Surface:
    alphas, betas = axes[0].grid(), axes[1].grid()
    shape = (len(betas), len(alphas))
    at = tensor_product(alphas, betas)
    known = np.array([(a, b) in plane.evaluations for a, b in at.tolist()])
    points = plane.evaluations.points
    columns = {name: np.full(len(at), np.nan) for name in ("loss", *plane.metrics)}
    for name, values in columns.items():
        values[known] = plane.evaluations.column(at[known], name)
    if isinstance(fit, _Fit):
        method = {"method": "chebyshev", "interpolation": {"nodes": list(fit.nodes), "extent": metadata["extent"]}}
    else:
        method = {"method": "grid", "reason": fit}
    result = Surface(
        alphas=alphas,
        betas=betas,
        loss=columns.pop("loss").reshape(shape),
        evaluated=known.reshape(shape),
        metadata={**method, **metadata},
        metrics={name: values.reshape(shape) for name, values in columns.items()},
        error=fit.error if isinstance(fit, _Fit) else None,
        nodes=points,
        node_loss=plane.evaluations.column(points),
    )
    result.loss[:] = resample(result)
    return result


def _direction(objective: Objective[Any], direction: Tensor | Floats) -> Tensor:
    vector = torch.as_tensor(direction).detach().to(objective.params)
    if vector.shape != objective.params.shape:
        raise ValueError(f"a direction has shape {tuple(vector.shape)}; this objective needs ({objective.space.size},)")
    return objective.space.project(vector)


def _described(objective: Objective[Any], directions: Tensor) -> Metadata:
    return {
        "direction_norms": directions.double().norm(dim=1).tolist(),
        "cosine": cosine(directions[0], directions[1]) if len(directions) == 2 else None,
        "parameters": objective.space.size,
        "parameters_taking_part": objective.space.active,
        "device": str(objective.device),
        "torch": torch.__version__,
    }


def _axes(points: int | tuple[int, int], extent: Extent, *, line: bool) -> tuple[Axis, Axis]:
    counts = points if isinstance(points, tuple) else (points, 1 if line else points)
    if line and counts[1] != 1:
        raise ValueError(f"points={points} asks for a plane, which needs a second direction: pass y, or one number")
    if min(counts) < 1:
        raise ValueError(f"points={points} makes no grid; each number must be at least 1")
    if not isinstance(extent, tuple):
        extent = (-extent, extent)
    first, second = extent
    if isinstance(first, tuple) and isinstance(second, tuple):
        intervals = (first, second)
    else:
        intervals = (extent, extent)  # type: ignore[assignment]  # a pair of numbers, as is told above
    for low, high in intervals:
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"extent={extent} must be a positive number, or intervals (low, high) with low < high")
    axes = tuple(
        Axis(float(low), float(high), int(count)) for (low, high), count in zip(intervals, counts, strict=True)
    )
    return axes[0], (Axis(0.0, 0.0, 1) if line else axes[1])
