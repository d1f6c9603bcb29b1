"""Results for the tests of the figures: small, but of every kind that is drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from landscape import chebyshev
from landscape.interpolation import Axis, tensor_product
from landscape.results import Curvature, EigenPairs, Floats, InterpolationError, Metadata, Surface

Function = Callable[[Floats, Floats], Floats]

METADATA: Metadata = {
    "command": "landscape surface runs/samrec-Beauty-seed0/checkpoint.pt",
    "checkpoint": {"path": "runs/samrec-Beauty-seed0/checkpoint.pt", "sha256": "9f2c" * 16, "settings": {"width": 64}},
    "data": {"name": "Beauty", "sha256": "ab41" * 16},
    "seeds": [0, 1],
    "note": None,
    "versions": {"python": "3.13.1", "torch": "2.13.0"},
    "seconds": 18.4,
}


def bowl(a: Floats, b: Floats) -> Floats:
    """0.25 at the centre, asymmetric, rising to some 2.6 at the corners of ±1."""
    rise = 1.25 * (1 - np.exp(-0.55 * (1.3 * a * a + 0.9 * b * b + 0.5 * a * b)))
    return 0.25 + rise + 0.62 * a * a + 0.48 * b * b + 0.22 * a * b + 0.1 * a**3 - 0.12 * a * b * b + 0.05 * b


def tiny(a: Floats, b: Floats) -> Floats:
    """Positive everywhere and below 1e-6 at the centre, where an interpolant that serves the corners is negative."""
    return np.exp(-14 + 6 * (a * a + b * b) + a)


def evaluated(function: Function = bowl, points: tuple[int, int] = (11, 9), *, spoil: bool = False) -> Surface:
    """Every point evaluated; with ``spoil`` some are NaN and some infinite. One β makes a line."""
    alphas = np.linspace(-1, 1, points[0]) if points[0] > 1 else np.zeros(1)
    betas = np.linspace(-0.8, 0.8, points[1]) if points[1] > 1 else np.zeros(1)
    a, b = np.meshgrid(alphas, betas)
    loss = np.array(function(a, b), dtype=np.float64)
    if spoil:
        loss[1:3, 2:4], loss[-2:, :2] = np.nan, np.inf
    nodes = tensor_product(alphas, betas)
    reason = {"method": "grid", "reason": "every point was asked for"}
    return Surface(alphas, betas, loss, np.ones_like(loss, bool), {**METADATA, **reason}, {}, None, nodes, loss.ravel())


def interpolated(function: Function = bowl, points: tuple[int, int] = (21, 17), count: int = 9) -> Surface:
    """Interpolated through ``count`` Chebyshev nodes a side, as ``landscape.surface`` does it."""
    axes = [Axis(-1.0, 1.0, n) if n > 1 else Axis(0.0, 0.0, 1) for n in points]
    at = [axis.nodes(count) for axis in axes]
    nodes = tensor_product(*at)
    loss = chebyshev.interpolate(function(*np.meshgrid(*at)), *(axis.unit(axis.grid()) for axis in axes))
    a, b = np.meshgrid(*(axis.grid() for axis in axes))
    known = {(x, y) for x, y in nodes.tolist()}
    here = np.array([[point in known for point in zip(*row, strict=True)] for row in zip(a, b, strict=True)])
    loss[here] = function(a, b)[here]
    fit = {"nodes": [len(at[0]), len(at[1])], "extent": [[axis.low, axis.high] for axis in axes]}
    error = InterpolationError(absolute=0.0019, relative=8.1e-4, near_centre=0.0033, points=16)
    metadata = {**METADATA, "method": "chebyshev", "interpolation": fit}
    node_loss = function(nodes[:, 0], nodes[:, 1])
    return Surface(axes[0].grid(), axes[1].grid(), loss, here, metadata, {}, error, nodes, node_loss)


def curvature(*, indefinite: bool = True) -> Curvature:
    """An early-stopped model's: indefinite, with a gradient, not all converged; or that of a proper minimum."""
    low = -0.41 if indefinite else 0.01
    bottom = EigenPairs(np.array([low]), np.array([3e-4]), np.array([True]), 15)
    done = np.array([True, True, not indefinite])
    pairs = EigenPairs(np.array([0.379, 0.281, 0.141]), np.array([2e-4, 8e-4, 2.1e-2]), done, 15, None, bottom)
    gradient = 0.18 if indefinite else 1e-6
    return Curvature(pairs, 0.2534, 0.0021, gradient, 38.2, 3e-7, dict(METADATA))
