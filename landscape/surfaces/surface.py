"""The loss over a plane of the parameter space, from as few evaluations as its smoothness allows."""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from landscape.objectives.directions import checked_direction, cosine, flat_filters
from landscape.objectives.objective import Objective, check_loss, path_difference, repeat_difference
from landscape.processes import Processes
from landscape.progress import Progress, silent
from landscape.provenance import run_metadata
from landscape.results import Floats, Metadata, Surface
from landscape.results.interpolation import Axis, Interpolant, tensor_product
from landscape.surfaces.axes import Extent, metric_coordinates, plane_axes
from landscape.surfaces.evaluation_cache import EvaluationCache
from landscape.surfaces.evaluator import Evaluator
from landscape.surfaces.filling import FilledGrid, evaluate_grid
from landscape.surfaces.quantities import LOSS, Losses, Metrics, PointwiseMetrics
from landscape.surfaces.refinement import Fit, refine


class Unresolved(NamedTuple):
    """A grid that was evaluated, since nodes did not resolve the losses."""

    reason: str
    filled: FilledGrid


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
    cache: EvaluationCache | None = None,
    progress: Progress = silent,
) -> Surface:
    """Compute the loss at θ₀ + α·x + β·y on a grid of (α, β), or on a line if there is no ``y``.

    A loss is smooth in the parameters, so the grid is interpolated from nested Chebyshev nodes, 5 a side, then 9, 17
    and 33, until the error measured at points left out of the fit is at most ``tolerance`` times the range of the
    losses. The points of the grid are evaluated instead, and the metadata gives the reason, where a loss is not
    finite, the error does not fall, or nodes would cost more than they save. That is not more evaluations than the
    grid has points: for each that was made beside the grid, one of its points is interpolated from its neighbours,
    where the loss is smoothest, with a measured error. ``grid=True`` evaluates every point. A feature so narrow that
    it lies between all evaluated points is missed, as it would be on a grid.

    Parts and other losses are smooth as well: they are interpolated from the same nodes, with an error measured for
    each, and refined until all are within the tolerance of their own range. Metrics may jump from point to point:
    they are evaluated at some points of the grid, and never interpolated.

    Args:
        objective: The loss; its parameters are the origin θ₀ of the plane.
        x: The first direction (n,).
        y: The second direction (n,), not necessarily orthogonal; None for a line.
        points: Of the grid, along each axis, or (A, B) along x and y.
        extent: In units of the directions: both axes go from -extent to extent, or over one interval (low, high), or
            over an interval each.
        tolerance: The largest error, relative to the range of the losses.
        grid: Whether to evaluate every point of the grid.
        parts: Whether to return each part of the loss, its own mean without its weight, as a metric: the part ``mip``
            is named ``loss mip``. They come from the same passes. A loss of a single part adds none.
        others: Other losses around θ₀ by name, such as that on validation targets.
        metrics: Functions of the parameters (n,) by name, or ``Metric``, which returns several numbers.
        metric_points: The number of points for metrics along each axis, or along x and y; at most those of the grid.
        cache: Values that are known already; new values are added. A cache with a path survives interruptions.
        progress: Called with (evaluations done, evaluations known to be needed, text), those of metrics included.

    Returns:
        The surface; its ``nodes`` are all points at which losses were evaluated, and always contain the centre.

    Raises:
        ValueError: An argument is out of range, a loss differs when evaluated twice, one of ``others`` is around
            another point, or the loss is the same at all points: nothing moves along the directions.

    Example:
        A quadratic needs the fewest nodes, and is reproduced exactly:

        >>> model = torch.nn.Linear(2, 1, bias=False).double()
        >>> objective = Objective(model, lambda model, batch: (model.weight.square().sum(), 1), [None])
        >>> centre = objective.params
        >>> result = surface(objective, torch.ones(2), torch.tensor([1.0, -1.0]))
        >>> result.evaluations, result.loss.shape
        (41, (51, 51))
        >>> expected = (centre + 1 + 1).square()[0] + (centre + 1 - 1).square()[1]  # α = β = 1
        >>> bool(np.isclose(result.loss[-1, -1], expected))
        True
    """
    axes = plane_axes(points, extent, line=y is None)
    metric_axes = metric_coordinates(axes, metric_points)
    if not (math.isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"tolerance={tolerance} must be a positive number; grid=True evaluates every point")
    started = time.monotonic()
    directions = torch.stack(
        [checked_direction(objective, d, "a direction", nonzero=False) for d in (x, y) if d is not None]
    )
    cache = cache if cache is not None else EvaluationCache()

    def report() -> None:
        requested = sum(len(evaluator.requested) for evaluator in evaluators)
        progress(sum(evaluator.done for evaluator in evaluators), requested, "evaluations")

    quantities = Losses(objective, directions, parts=parts, others=others or {})
    losses = Evaluator(quantities, cache, report)
    pointwise = [Evaluator(PointwiseMetrics(objective, directions, metrics), cache.metrics, report)] if metrics else []
    evaluators = [losses, *pointwise]
    _require_distinct([name for evaluator in evaluators for name in evaluator.names])
    for evaluator in evaluators:
        evaluator.cache.bind(_fingerprint(objective, directions), evaluator.names)
    for evaluator in pointwise:
        evaluator.request(tensor_product(*metric_axes))  # so that the first report counts them
    checks = _repeatability(quantities, losses.evaluate(np.zeros((1, 2)))[0])  # if refused, no value is worth keeping
    try:
        fit = "every point was requested" if grid else _refined(losses, axes, tolerance, objective.params.dtype)
        result = _evaluate_grid(losses, axes, fit) if isinstance(fit, str) else fit
        for evaluator in pointwise:
            evaluator.evaluate(tensor_product(*metric_axes))
    finally:
        for evaluator in evaluators:
            evaluator.cache.save()
    flat, filters = flat_filters(objective.space, objective.params, directions)
    metadata: Metadata = {
        "direction_norms": _lengths(directions, objective.space.processes),
        "cosine": cosine(directions[0], directions[1], objective.space.processes) if len(directions) == 2 else None,
        **checks,
        "tolerance": tolerance,
        "extent": [[axis.low, axis.high] for axis in axes],
        **({"flat_filters": [flat, filters]} if flat else {}),
        **({"metric_points": [len(coordinates) for coordinates in metric_axes]} if metrics else {}),
        **run_metadata(objective, started),
    }
    return _result(losses, pointwise, axes, result, metadata)


def _evaluate_grid(losses: Evaluator, axes: tuple[Axis, Axis], reason: str) -> Unresolved:
    """Evaluate the grid, but for as many of its points as were evaluated beside it."""
    grid = set(map(tuple, tensor_product(axes[0].grid(), axes[1].grid()).tolist()))
    spent = sum(point not in grid for point in losses.requested)
    return Unresolved(reason, evaluate_grid(losses.evaluate, axes, set(losses.requested), spare=spent))


def _refined(losses: Evaluator, axes: tuple[Axis, Axis], tolerance: float, dtype: torch.dtype) -> Fit | str:
    resolution = 8 * torch.finfo(dtype).eps  # a few units in the last place
    return refine(losses.evaluate, losses.names, axes, tolerance, resolution)


def _result(
    losses: Evaluator, pointwise: list[Evaluator], axes: tuple[Axis, Axis], fit: Fit | Unresolved, metadata: Metadata
) -> Surface:
    """Return the values on the grid, evaluated or interpolated."""
    alphas, betas = axes[0].grid(), axes[1].grid()
    evaluated, columns = losses.on_grid(alphas, betas)
    method: Metadata
    if isinstance(fit, Fit):
        method = {"method": "chebyshev", "interpolation": {"nodes": list(fit.nodes), "extent": metadata["extent"]}}
        nodes = [axis.nodes(count) for axis, count in zip(axes, fit.nodes, strict=True)]
        at_nodes = losses.cache.values(tensor_product(*nodes)).reshape(len(nodes[1]), len(nodes[0]), -1)
        for index, column in enumerate(columns.values()):
            interpolated = Interpolant(axes, at_nodes[:, :, index]).on_grid(alphas, betas)
            column[~evaluated] = interpolated[~evaluated]
    else:
        method = {"method": "grid", "reason": fit.reason}
        if len(fit.filled.points):
            _fill(columns, fit.filled, alphas, betas)
    errors = dict(fit.errors) if isinstance(fit, Fit) else dict(zip(losses.names, fit.filled.errors, strict=False))
    points = np.array(list(losses.requested))  # (N, 2)
    at_points = dict(zip(losses.names, losses.cache.values(points).T, strict=True))
    _require_movement(at_points[LOSS], metadata)
    loss = columns.pop(LOSS)
    for evaluator in pointwise:
        columns |= evaluator.on_grid(alphas, betas)[1]
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


def _require_movement(values: Floats, metadata: Metadata) -> None:
    """Refuse a loss that is the same number at several points."""
    if len(values) > 1 and (values == values[0]).all():
        flat = metadata.get("flat_filters")
        why = f"; {flat[0]} of {flat[1]} filters are zero and have no direction: a fresh adapter's B is" if flat else ""
        raise ValueError(
            f"the loss is {values[0]:.6g} at all {len(values)} points: nothing moves along these directions{why}. Draw "
            "other directions (normalize='layer' or 'none', or eigenvectors), or larger ones"
        )


def _fill(columns: dict[str, Floats], filled: FilledGrid, alphas: Floats, betas: Floats) -> None:
    """Put interpolated values into the columns (B, A), in place."""
    at = np.searchsorted(betas, filled.points[:, 1]), np.searchsorted(alphas, filled.points[:, 0])
    for column, values in zip(columns.values(), filled.values.T, strict=True):
        column[at] = values


def _repeatability(losses: Losses, centre: Floats) -> Metadata:
    """Check that the losses at (0, 0), ``centre`` (C,), are the same when evaluated again or in the other way."""
    values = dict(zip(losses.names, centre.tolist(), strict=True))
    check_loss(values[LOSS], losses.objective)
    checks = {
        "repeat_difference": repeat_difference(losses.objective, values[LOSS]),
        "gradient_path_difference": path_difference(losses.objective, values[LOSS]),
    }
    for name, other in losses.others.items():
        check_loss(values[name], other, losses.objective.params, name=repr(name))
        try:
            repeat_difference(other, values[name], losses.objective.params)
        except ValueError as problem:
            raise ValueError(f"{name!r}: {problem}") from None
    return checks


def _fingerprint(objective: Objective[Any], directions: Tensor) -> str:
    """Return the SHA-256 of the parameters and the directions."""
    digest = hashlib.sha256()
    for tensor in (objective.params, directions):
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().view(torch.uint8).numpy().data)
    if objective.space.processes.sliced:  # one for all, who have to take the same values from their caches
        return hashlib.sha256("".join(objective.space.processes.gathered(digest.hexdigest())).encode()).hexdigest()
    return digest.hexdigest()


def _lengths(directions: Tensor, processes: Processes) -> list[float]:
    """Return the norms of the directions (m, n)."""
    lengths = directions.double().norm(dim=1)
    if processes.sliced:
        lengths = processes.across(lengths.square()).sqrt()
    return [float(length) for length in lengths]


def _require_distinct(names: list[str]) -> None:
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise ValueError(f"two quantities are called {repeated[0]!r}; there are {', '.join(names)}: rename one")
