"""The barrier of the loss on the path between two points, and on those between many."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.linalg.vectors import norm
from landscape.objectives.jackknife import jackknife_error
from landscape.objectives.objective import Objective
from landscape.processes import refuse_slices
from landscape.progress import Progress, silent
from landscape.provenance import run_metadata
from landscape.results import Barrier, Floats, Surface
from landscape.results.curve import BarrierMatrix, PathLoss
from landscape.results.interpolation import interpolant, resample

PATH_POINTS = 1001  # from α = 0 to α = 1, of an interpolant
POINTS = 25  # of a path on which the loss is evaluated


def barrier(line: Surface) -> Barrier:
    """Compute the barrier on a path from α = 0 to α = 1 (Frankle et al. 2020, section 2).

    The path is read from the polynomial by which the line was interpolated; where it was not, from its points, with
    straight segments between them.

    Raises:
        ValueError: The line does not reach from 0 to 1, or its loss is not finite there.

    Example:
        >>> alphas, ones = np.array([0.0, 0.5, 1.0]), np.ones((1, 3), bool)
        >>> barrier(Surface(alphas, np.zeros(1), np.array([[1.0, 4.0, 3.0]]), ones, {})).height  # above (1 + 3) / 2
        2.0
    """
    if not (line.is_line and line.alphas[0] <= 0 and line.alphas[-1] >= 1):
        raise ValueError(
            f"a barrier needs a line from 0 to 1 at least; this one goes from {line.alphas[0]:g} to {line.alphas[-1]:g}"
        )
    if interpolant(line) is not None:
        t = np.linspace(0, 1, PATH_POINTS)
        loss = resample(line, alphas=t)[0]
    else:
        t = np.unique(np.concatenate([[0.0, 1.0], line.alphas[(line.alphas > 0) & (line.alphas < 1)]]))
        loss = np.interp(t, line.alphas, line.loss[0])
    return _highest(t, loss, error=line.error.absolute if line.error is not None else 0.0)


def path_loss(
    objective: Objective[Any],
    point: Callable[[float], Tensor],
    *,
    points: int = POINTS,
    population: float | None = None,
    progress: Progress = silent,
    text: str = "points of a path",
) -> PathLoss:
    """Compute the loss on all batches at equidistant t of a path, and its barrier, with jackknife errors.

    The error of the barrier is that of the difference L(t) − (1 − t)·L(0) − t·L(1) from the same batches, at the t of
    the highest point; that this t is itself the highest of these data is not in it. A peak between two t is missed.

    Args:
        objective: The loss.
        point: The parameters (n,) at t.
        points: How many t from 0 to 1.
        population: The number of batches that all data would make; see ``Objective.standard_error``.
        progress: Called with (points done, points, text).
        text: What is counted.

    Raises:
        ValueError: There are fewer than three points, or the loss is not finite at one.
    """
    if points < 3:
        raise ValueError(f"points={points} must be at least 3: both ends, and what is between")
    t = np.linspace(0, 1, points)
    terms = []
    for done, place in enumerate(t.tolist()):
        progress(done, points, text)
        terms.append(objective.by_batch(point(place)))
    progress(points, points, text)
    weights = np.array(objective.part_weights)
    losses = np.array(
        [float(objective.combine(torch.from_numpy(each.sums.sum(0)).to(objective.device))) for each in terms]
    )
    errors = [jackknife_error(each.sums, each.counts, weights, population) for each in terms]
    found = _highest(t, losses)
    at = 1 + int(np.argmax((losses - (1 - t) * losses[0] - t * losses[-1])[1:-1]))  # at an end it would be 0 ± 0
    # The difference of three losses, as one loss with three times the parts.
    sums, counts = (np.concatenate([getattr(terms[i], name) for i in (at, 0, -1)], 1) for name in ("sums", "counts"))
    shares = np.concatenate([weights, -(1 - t[at]) * weights, -t[at] * weights])
    stderr = jackknife_error(sums, counts, shares, population)
    barrier = Barrier(found.height, found.at, found.above_ends, found.error, stderr)
    return PathLoss(t, losses, np.array(errors), barrier)


def barrier_matrix(
    objective: Objective[Any],
    points: Sequence[Tensor],
    names: Sequence[str],
    *,
    evaluations: int = POINTS,
    population: float | None = None,
    progress: Progress = silent,
) -> BarrierMatrix:
    """Compute the barriers on the straight paths between all pairs of points (Frankle et al. 2020, section 2).

    Two networks whose neurons are permuted have the same loss, and a barrier between them: a barrier is that between
    these parameters, and not between the functions.

    Args:
        objective: The loss, the same for all; inactive coordinates are its own at all points.
        points: (n,) at least two.
        names: Of the points.
        evaluations: On each path.
        population: See ``path_loss``.
        progress: Called with (evaluations done, evaluations, text).

    Raises:
        ValueError: There are fewer than two points, or not a name for each; the loss is not finite on a path.
    """
    if len(points) < 2 or len(names) != len(points):
        raise ValueError(f"barriers need at least two points and a name for each, got {len(points)} and {len(names)}")
    started, count = time.monotonic(), len(points)
    thetas = [active_point(objective, point) for point in points]
    heights, stderr, at, distances = (np.zeros((count, count)) for _ in range(4))
    losses, pairs = np.zeros(count), [(i, j) for i in range(count) for j in range(i + 1, count)]
    for place, (i, j) in enumerate(pairs):

        def report(done: float, total: int, text: str, place: int = place) -> None:
            progress(place * total + done, len(pairs) * total, text)

        path = partial(_between, thetas[i], thetas[j])
        try:
            found = path_loss(objective, path, points=evaluations, population=population, progress=report)
        except ValueError as problem:
            raise ValueError(f"{names[i]} to {names[j]}: {problem}") from None
        barrier = found.barrier
        heights[i, j] = heights[j, i] = barrier.height
        stderr[i, j] = stderr[j, i] = barrier.stderr
        at[i, j], at[j, i] = barrier.at, 1 - barrier.at
        distances[i, j] = distances[j, i] = norm(thetas[j] - thetas[i])
        losses[i], losses[j] = found.loss[0], found.loss[-1]
    metadata = {"evaluations_by_path": evaluations, **run_metadata(objective, started)}
    return BarrierMatrix((*names,), heights, stderr, at, distances, losses, metadata)


def active_point(objective: Objective[Any], point: Tensor) -> Tensor:
    """Return a point (n,) with the objective's own parameters at inactive coordinates.

    Raises:
        ValueError: It has another length.
    """
    refuse_slices(objective.processes, "a path between points")
    return objective.params + objective.space.project(objective.checked(point) - objective.params)


def _between(start: Tensor, end: Tensor, t: float) -> Tensor:
    return torch.lerp(start, end, t)


def _highest(t: Floats, loss: Floats, error: float = 0.0) -> Barrier:
    """The barrier of losses (T,) at t."""
    if not np.isfinite(loss).all():
        raise ValueError("the loss is not finite somewhere on the path: the barrier has no height")
    above = loss - ((1 - t) * loss[0] + t * loss[-1])
    highest = int(np.argmax(above))
    return Barrier(
        height=float(max(above[highest], 0.0)),
        at=float(t[highest]),
        above_ends=float(max((loss - max(loss[0], loss[-1])).max(), 0.0)),
        error=error,
    )
