"""Surfaces whose numbers can be drawn: differences, squares and logarithms of them are finite."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from landscape.results import Floats, Surface

LARGEST, LEAST = 1e150, 1e-150


def drawable(surface: Surface) -> Surface:
    """Return the surface with infinite losses and metrics in the place of those above 1e150, and 0 below 1e-150.

    >>> _drawable(np.array([1e-200, 2.0, -1e300])).tolist()
    [0.0, 2.0, -inf]
    """
    values = [surface.loss, surface.node_loss, *surface.metrics.values(), *surface.node_metrics.values()]
    if all(_drawable(array) is array for array in values):
        return surface
    return replace(
        surface,
        loss=_drawable(surface.loss),
        node_loss=_drawable(surface.node_loss),
        metrics={name: _drawable(array) for name, array in surface.metrics.items()},
        node_metrics={name: _drawable(array) for name, array in surface.node_metrics.items()},
    )


def _drawable(values: Floats) -> Floats:
    size = np.abs(values)
    large, small = np.isfinite(size) & (size > LARGEST), (size > 0) & (size < LEAST)
    if not (large | small).any():
        return values
    return np.where(large, np.copysign(np.inf, values), np.where(small, 0.0, values))
