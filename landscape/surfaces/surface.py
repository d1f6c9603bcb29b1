"""The loss over a plane of the parameter space, from as few evaluations as its smoothness allows."""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.objectives.directions import cosine
from landscape.objectives.objective import Objective, path_difference, repeat_difference
from landscape.results import Floats, Metadata, Surface
from landscape.results.interpolation import Axis, Interpolant, tensor_product
from landscape.surfaces.evaluation_cache import Evaluations, Point
from landscape.surfaces.quantities import LOSS, Losses, Metrics, PointwiseMetrics, Quantities
from landscape.surfaces.refinement import Fit, refined

Progress = Callable[[int, int], None]  # (points done, points needed as far as is known)
Interval = tuple[float, float]
Extent = float | Interval | tuple[Interval, Interval]


def surface(
    objective: Objective[Any],
    x: Tensor | Floats,
    y: Tensor | Floats | None = None,
    *,
    points: int | tuple[int, int] = 51,
    extent: Extent = 1.0,
    tolerance: float = 1e-3,
    grid: bool = False,
    parts: bool = False,
    others: Mapping[str, Objective[Any]] | None = None,
    metrics: Metrics | None = None,
    metric_points: int | tuple[int, int] = 11,
    evaluations: Evaluations | None = None,
    progress: Progress | None = None,
) -> Surface:
    """The loss at θ₀ + α·x + β·y on a grid of (α, β), and what else is asked for; on a line without ``y``.

    A loss is smooth in the parameters, so the grid is interpolated from nested Chebyshev nodes, 5 a side, then 9, 17
    and 33, until the error measured at points left out of the fit is at most ``tolerance`` times the range of the
    losses. All points of the grid are evaluated instead, and the metadata says why, where a loss is not finite, the
    error does not fall, or nodes would cost as much as the grid. A feature so narrow that no evaluated point meets it
    stays unseen, as it does between the points of a grid.

    Parts and other losses are smooth, too: they are interpolated from the same nodes, each with its own measured
    error, and refined until all are within the tolerance of their own range. Metrics may jump from point to point:
    they are evaluated at some points of the grid, and never interpolated.

    Args:
        objective: The loss, around whose parameters θ₀ the plane lies.
        x: The first direction (n,).
        y: The second direction (n,), not necessarily orthogonal; None for a line.
        points: Of the grid, along each axis, or (A, B) along x and y.
        extent: Both axes go from -extent to extent, or over one interval (low, high), or each over its own.
        tolerance: The largest error, relative to the range of the losses.
        grid: Whether to evaluate every point of the grid.
        parts: Whether to give each part of the loss, its own mean without its weight, as a metric: the part ``mip``
            is called ``loss mip``. They come from the same passes. A loss of one part has nothing to add.
        others: Further losses around θ₀ by name, such as that on validation targets.
        metrics: Functions of the parameters (n,) by name, or ``Metric``, which finds several numbers at once.
        metric_points: At how many points along each axis, or along x and y; no more than the grid has.
        evaluations: Where points are kept while the surface is in the making; one with a path survives interruptions.
        progress: Called with (points done, points needed as far as is known), those of metrics included.

    Returns:
        The surface; its ``nodes`` are all points at which losses were evaluated, the centre always among them.

    Raises:
        ValueError: An argument is out of range, a loss is not the same when evaluated twice, or one of ``others`` is
            around another point.
    """
    axes = _axes(points, extent, line=y is None)
    metric_axes = _some(axes, metric_points)
    if not (math.isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"tolerance={tolerance} must be a positive number; grid=True evaluates every point")
    started = time.monotonic()
    directions = torch.stack([_direction(objective, direction) for direction in (x, y) if direction is not None])
    store = evaluations if evaluations is not None else Evaluations()

    def report() -> None:
        if progress is not None:
            progress(sum(each.done for each in passes), sum(len(each.wanted) for each in passes))

    smooth = Losses(objective, directions, parts=parts, others=others or {})
    losses = _Points(smooth, store, report)
    steps = [_Points(PointwiseMetrics(objective, directions, metrics), store.metrics, report)] if metrics else []
    passes = [losses, *steps]
    _require_distinct([name for each in passes for name in each.names])
    for each in passes:
        each.store.bind(_fingerprint(objective, directions), each.names)
    for each in steps:
        each.want(tensor_product(*metric_axes))
    try:
        checks = _checked(smooth, losses.evaluate(np.zeros((1, 2)))[0])
        resolution = 8 * torch.finfo(objective.params.dtype).eps  # a few units in the last place
        fit = (
            "every point was asked for" if grid else refined(losses.evaluate, losses.names, axes, tolerance, resolution)
        )
        if isinstance(fit, str):
            losses.evaluate(tensor_product(axes[0].grid(), axes[1].grid()))
        for each in steps:
            each.evaluate(tensor_product(*metric_axes))
    finally:
        for each in passes:
            each.store.save()
    metadata: Metadata = {
        **_described(objective, directions),
        **checks,
        "tolerance": tolerance,
        "extent": [[axis.low, axis.high] for axis in axes],
        **({"metric_points": [len(coordinates) for coordinates in metric_axes]} if metrics else {}),
        "seconds": time.monotonic() - started,
    }
    return _result(losses, steps, axes, fit, metadata)


@dataclass
class _Points:
    """Points of the plane, each evaluated once."""

    quantities: Quantities
    store: Evaluations
    report: Callable[[], None]
    wanted: dict[Point, None] = field(default_factory=dict)  # in the order of their evaluation
    missing: int = 0  # of those wanted

    @property
    def names(self) -> tuple[str, ...]:
        return self.quantities.names

    @property
    def done(self) -> int:
        return len(self.wanted) - self.missing

    def want(self, points: Floats) -> list[Point]:
        """Those of points (K, 2) that are not known yet."""
        pairs = [(a, b) for a, b in points.tolist()]
        self.wanted.update(dict.fromkeys(pairs))
        missing = list(dict.fromkeys(pair for pair in pairs if pair not in self.store))
        self.missing = len(missing)
        return missing

    def evaluate(self, points: Floats) -> Floats:
        """The values (K, C) at points (K, 2); only those not known yet are computed."""
        missing = self.want(points)
        self.report()
        while missing:
            at_once = self.quantities.at_once
            now, missing = missing[:at_once], missing[at_once:]
            for pair, values in zip(now, self.quantities.at(np.array(now)).tolist(), strict=True):
                self.store.add(pair, tuple(values))
            self.missing = len(missing)
            self.store.save(now=False)
            self.report()
        return self.store.values(points)


def _result(
    losses: _Points, steps: list[_Points], axes: tuple[Axis, Axis], fit: Fit | str, metadata: Metadata
) -> Surface:
    alphas, betas = axes[0].grid(), axes[1].grid()
    evaluated, columns = _on_grid(losses, alphas, betas)
    if isinstance(fit, Fit):
        method = {"method": "chebyshev", "interpolation": {"nodes": list(fit.nodes), "extent": metadata["extent"]}}
        nodes = [axis.nodes(count) for axis, count in zip(axes, fit.nodes, strict=True)]
        at_nodes = losses.store.values(tensor_product(*nodes)).reshape(len(nodes[1]), len(nodes[0]), -1)
        for index, column in enumerate(columns.values()):
            between = Interpolant(axes, at_nodes[:, :, index]).on_grid(alphas, betas)
            column[~evaluated] = between[~evaluated]
    else:
        method = {"method": "grid", "reason": fit}
    errors = dict(fit.errors) if isinstance(fit, Fit) else {}
    points = np.array(list(losses.wanted))  # (N, 2)
    at_points = dict(zip(losses.names, losses.store.values(points).T, strict=True))
    loss = columns.pop(LOSS)
    for each in steps:
        columns |= _on_grid(each, alphas, betas)[1]
    return Surface(
        alphas=alphas,
        betas=betas,
        loss=loss,
        evaluated=evaluated,
        metadata={**method, **metadata},
        metrics=columns,
        error=errors.pop(LOSS, None),
        nodes=points,
        node_loss=at_points.pop(LOSS),
        metric_errors=errors,
        node_metrics=at_points,
    )


def _on_grid(found: _Points, alphas: Floats, betas: Floats) -> tuple[NDArray[np.bool_], dict[str, Floats]]:
    """Which points of the grid (B, A) have been evaluated, and what was found there by name, with NaN elsewhere."""
    at = tensor_product(alphas, betas)
    known = np.array([(a, b) in found.wanted for a, b in at.tolist()])
    values = np.full((len(found.names), len(at)), np.nan)
    values[:, known] = found.store.values(at[known]).T
    shape = (len(betas), len(alphas))
    return known.reshape(shape), dict(zip(found.names, values.reshape(-1, *shape), strict=True))


def _checked(losses: Losses, centre: Floats) -> Metadata:
    """What tells that ``centre`` (C,), the losses at (0, 0), is no matter of chance nor of how it was computed."""
    found = dict(zip(losses.names, centre.tolist(), strict=True))
    checks = {
        "repeat_difference": repeat_difference(losses.objective, found[LOSS]),
        "gradient_path_difference": path_difference(losses.objective, found[LOSS]),
    }
    for name, other in losses.others.items():
        try:
            repeat_difference(other, found[name], losses.objective.params)
        except ValueError as problem:
            raise ValueError(f"{name!r}: {problem}") from None
    return checks


def _fingerprint(objective: Objective[Any], directions: Tensor) -> str:
    digest = hashlib.sha256()
    for tensor in (objective.params, directions):
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _require_distinct(names: list[str]) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ValueError(f"two quantities are called {twice[0]!r}; there are {', '.join(names)}: rename one")


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


def _some(axes: tuple[Axis, Axis], points: int | tuple[int, int]) -> tuple[Floats, Floats]:
    """The coordinates along both axes at which metrics are evaluated."""
    counts = points if isinstance(points, tuple) else (points, points)
    if min(counts) < 1:
        raise ValueError(f"metric_points={points} makes no grid; each number must be at least 1")
    return axes[0].some(counts[0]), axes[1].some(counts[1])
