"""The errors of surfaces and curvatures that come from taking some of the data, with batches as random groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from landscape.objectives.jackknife import jackknife_error
from landscape.objectives.objective import Objective
from landscape.objectives.pieces import pieces
from landscape.operators.base import CurvatureOperator
from landscape.results import Floats


def rise_errors(
    objective: Objective[Any], directions: Tensor, points: Floats, *, population: float | None = None
) -> tuple[Floats, Floats]:
    """Return L(θ₀ + C·D) - L(θ₀) and its standard errors, as estimates for a larger set of data.

    The errors are the jackknife's of the differences: what the loss at a point has in common with that at the centre
    is not in them.

    Args:
        objective: The loss, its batches random groups.
        directions: D (m, n).
        points: C (k, m).
        population: The size of the larger set in batches; see ``Objective.standard_error``.

    Returns:
        Two arrays (k,).

    Raises:
        ValueError: The population is smaller than the sample.
    """
    weights, (_, centre, counts) = np.array(objective.part_weights), objective.by_batch()
    rises, errors = np.empty(len(points)), np.empty(len(points))
    for place, point in enumerate(points):
        differences = objective.by_batch(objective.point(directions, point)).sums - centre  # (G, P)
        rises[place] = _ratio(differences, counts, weights)
        errors[place] = jackknife_error(differences, counts, weights, population)
    return rises, errors


def quadratic_error(
    objective: Objective[Any],
    matrix: Callable[[Objective[Any]], CurvatureOperator],
    vectors: Tensor,
    *,
    population: float | None = None,
) -> tuple[float, float]:
    """Return the mean of vᵀMv over vectors v, and its standard error as an estimate for a larger set of data.

    For an eigenvector v it is, to first order, the error of its eigenvalue: δλ = vᵀ δM v. For random signs v it is that
    of an estimate of the trace, a little larger for the few signs. It costs a product of each batch with each vector.

    Args:
        objective: The loss, its batches random groups.
        matrix: The operator M of an objective, such as ``HessianOperator``; a sum over the batches.
        vectors: (m, n).
        population: As of ``rise_errors``.

    Raises:
        ValueError: The population is smaller than the sample.
    """
    weights, counts = np.array(objective.part_weights), objective.counts.cpu().numpy()  # (P,), (G, P) of this process
    sums = np.zeros_like(counts)
    rows = objective.space.project(torch.atleast_2d(vectors).to(objective.params))
    for part in np.flatnonzero(weights):
        for index, piece in enumerate(pieces(objective, int(part))):
            products = matrix(piece) @ rows.T  # (n, m)
            sums[index, part] = float((rows.T.double() * products.double()).sum()) / len(rows)
    pairs = objective.processes.gathered((sums, counts))
    sums, counts = (np.concatenate(tables) for tables in zip(*pairs, strict=True))
    return _ratio(sums, counts, weights), jackknife_error(sums, counts, weights, population)


class EigenvalueError(NamedTuple):
    """How far the largest eigenvalue of a part of the data is from that of all of it."""

    value: float  # of the part
    stderr: float
    bias: float  # by how much it is too large


def eigenvalue_error(
    objective: Objective[Any],
    others: Objective[Any] | None,
    matrix: Callable[[Objective[Any]], CurvatureOperator],
    vector: Tensor,
    *,
    share: float,
    population: float | None = None,
) -> EigenvalueError:
    """Return the errors of the largest eigenvalue of a part of the data.

    The standard error of the eigenvalue is that of vᵀMv for its eigenvector v. The eigenvalue is too large, since v was
    chosen for the part; vᵀMv of all data is too small by as much, to second order in the difference of the matrices
    (T. Kato, Perturbation Theory for Linear Operators, 2nd ed. 1976, ch. II, section 2). So the bias is half of the
    difference between vᵀMv of the part and that of all data, which is known from some of the others.

    Args:
        objective: The loss on the part, its batches random groups.
        others: The loss on some of the other data; None if there are none.
        matrix: The operator M of an objective, such as ``HessianOperator``.
        vector: v (n,), the unit eigenvector of the part's largest eigenvalue.
        share: Of all data, that are in the part.
        population: As of ``rise_errors``.

    Raises:
        ValueError: The population is smaller than the sample.
    """
    value, stderr = quadratic_error(objective, matrix, vector, population=population)
    elsewhere = quadratic_error(others, matrix, vector)[0] if others is not None else value
    return EigenvalueError(value, stderr, (1 - share) * (value - elsewhere) / 2)


def _ratio(sums: Floats, counts: Floats, weights: Floats) -> float:
    used = weights != 0  # a part left out may be infinite
    return float((sums.sum(0)[used] / counts.sum(0)[used]) @ weights[used])
