"""Evaluate quantities at points of a plane, each point once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from landscape.results import Floats
from landscape.results.interpolation import tensor_product
from landscape.surfaces.evaluation_cache import EvaluationCache, Point
from landscape.surfaces.quantities import Quantities


@dataclass
class Evaluator:
    """Quantities, the cache of their values, and the points that were requested so far."""

    quantities: Quantities
    cache: EvaluationCache
    report: Callable[[], None]  # called after each evaluation
    requested: dict[Point, None] = field(default_factory=dict)  # in the order of their evaluation
    missing: int = 0  # number of requested points without values

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the quantities (C,)."""
        return self.quantities.names

    @property
    def done(self) -> int:
        """The number of requested points that have values."""
        return len(self.requested) - self.missing

    def request(self, points: Floats) -> list[Point]:
        """Note points (K, 2) as requested, and return those without values."""
        pairs = [(a, b) for a, b in points.tolist()]
        self.requested.update(dict.fromkeys(pairs))
        missing = list(dict.fromkeys(pair for pair in pairs if pair not in self.cache))
        self.missing = len(missing)
        return missing

    def evaluate(self, points: Floats) -> Floats:
        """Return the values (K, C) at points (K, 2); only those that are not in the cache are computed."""
        missing = self.request(points)
        self.report()
        while missing:
            count = self.quantities.points_at_once
            chunk, missing = missing[:count], missing[count:]
            for pair, values in zip(chunk, self.quantities.at(np.array(chunk)).tolist(), strict=True):
                self.cache.add(pair, tuple(values))
            self.missing = len(missing)
            self.cache.save(now=False)
            self.report()
        return self.cache.values(points)

    def on_grid(self, alphas: Floats, betas: Floats) -> tuple[NDArray[np.bool_], dict[str, Floats]]:
        """Return which points of the grid (B, A) were requested, and the values there by name, NaN elsewhere."""
        grid = tensor_product(alphas, betas)
        requested = np.array([(a, b) in self.requested for a, b in grid.tolist()])
        values = np.full((len(self.names), len(grid)), np.nan)
        values[:, requested] = self.cache.values(grid[requested]).T
        shape = (len(betas), len(alphas))
        return requested.reshape(shape), dict(zip(self.names, values.reshape(-1, *shape), strict=True))
