"""Quantities at the points of a plane: losses, which are smooth, and metrics, which may jump."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from torch import Tensor

from landscape.objectives.objective import Objective
from landscape.results import Floats

LOSS = "loss"


class Metric(NamedTuple):
    """Several numbers from one computation, such as NDCG@10 and HR@10 from one ranking."""

    names: tuple[str, ...]
    function: Callable[[Tensor], Sequence[float]]  # from parameters (n,) to a number for each name


Metrics = Sequence[Metric] | Mapping[str, Callable[[Tensor], float]]


class Quantities(Protocol):
    """Several numbers at each point of a plane."""

    names: tuple[str, ...]

    @property
    def points_at_once(self) -> int:
        """The number of points to pass to one call of ``at``."""

    def at(self, points: Floats) -> Floats:
        """Return the numbers (k, C) at points (k, 2), in the order of the names."""


class Losses:
    """A loss, its parts and other losses at the same points.

    Args:
        objective: The loss, named ``loss``.
        directions: (m, n).
        parts: Whether to include the parts of the loss, from the same passes: the part ``mip`` is named ``loss mip``.
            A loss of a single part has none.
        others: Other losses around the same point, by name.

    Raises:
        ValueError: One of the others is around another point, or has other parameters.
    """

    def __init__(
        self, objective: Objective[Any], directions: Tensor, *, parts: bool, others: Mapping[str, Objective[Any]]
    ) -> None:
        self.objective = objective
        self.directions = directions
        self.others = others
        for name, other in others.items():
            _require_same_point(name, objective, other)
        # Without points, the result has the names of the parts alone.
        empty = objective.along_parts(directions, np.empty((0, len(directions))))[1] if parts else {}
        self.parts = tuple(empty) if len(empty) > 1 else ()
        self.names = (LOSS, *(f"{LOSS} {part}" for part in self.parts), *others)

    @property
    def points_at_once(self) -> int:
        """As many as the objective evaluates in one pass."""
        return self.objective.points_at_once

    def at(self, points: Floats) -> Floats:
        """Return the losses (k, C) at points (k, 2)."""
        coefficients, start = points[:, : len(self.directions)], self.objective.params
        if self.parts:
            loss, parts = self.objective.along_parts(self.directions, coefficients)
        else:
            loss, parts = self.objective.along(self.directions, coefficients), {}
        others = (other.along(self.directions.to(other.device), coefficients, start) for other in self.others.values())
        return np.stack([loss, *parts.values(), *others], axis=1)


class PointwiseMetrics:
    """Metrics, computed at one point after another.

    Args:
        objective: Its parameters are the origin of the plane.
        directions: (m, n).
        metrics: A sequence of ``Metric``, or functions that return one number each, by name.
    """

    points_at_once = 1

    def __init__(self, objective: Objective[Any], directions: Tensor, metrics: Metrics) -> None:
        self.objective = objective
        self.directions = directions
        if isinstance(metrics, Mapping):
            metrics = [_single(name, function) for name, function in metrics.items()]
        self.metrics = metrics
        self.names = tuple(name for metric in self.metrics for name in metric.names)

    def at(self, points: Floats) -> Floats:
        """Return the metrics (k, C) at points (k, 2).

        Raises:
            ValueError: A metric returns more or fewer numbers than it has names.
        """
        thetas = (self.objective.point(self.directions, row) for row in points[:, : len(self.directions)])
        return np.array([[number for metric in self.metrics for number in _numbers(metric, theta)] for theta in thetas])


def _single(name: str, function: Callable[[Tensor], float]) -> Metric:
    return Metric((name,), lambda theta: (function(theta),))


def _numbers(metric: Metric, theta: Tensor) -> list[float]:
    numbers = [float(number) for number in metric.function(theta)]
    if len(numbers) != len(metric.names):
        raise ValueError(
            f"the metric of {', '.join(metric.names)} returns {len(numbers)} numbers; one for each name is needed"
        )
    return numbers


def _require_same_point(name: str, objective: Objective[Any], other: Objective[Any]) -> None:
    try:
        _ = other.counts  # checks that it is a function of its parameters
    except ValueError as problem:
        raise ValueError(f"{name!r}: {problem}") from None
    here, there = ((loss.space.names, loss.space.shapes, loss.params.dtype) for loss in (objective, other))
    if here != there:
        raise ValueError(
            f"{name!r} has other parameters than the loss; on one plane their names, shapes and dtype have to agree"
        )
    unequal = objective.params != other.params.to(objective.device)
    differing = objective.space.project(unequal) | other.space.project(unequal)  # where active in one of the two
    where = [parameter for parameter, view in objective.space.views(differing).items() if view.any()]
    if where:
        raise ValueError(
            f"{name!r} is a loss around another point, with another {', '.join(where)}; make both of one model"
        )
