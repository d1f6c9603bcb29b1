"""A surface between its nodes: the axes of a plane, the nodes on them, and the interpolation between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from landscape.results import Floats, Surface, chebyshev

Transform = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Axis:
    """One coordinate of the plane: an interval, and the number of equispaced points on it."""

    low: float
    high: float
    count: int

    def grid(self) -> Floats:
        """Return the coordinates (count,); for a single one 0, or the middle if the interval lacks 0."""
        if self.count == 1:
            return np.array([0.0 if self.low <= 0 <= self.high else (self.low + self.high) / 2])
        return self._scaled((2 * np.arange(self.count) - (self.count - 1)) / (self.count - 1))

    def some(self, count: int) -> Floats:
        """Return at most ``count`` of the coordinates, spread evenly: both ends, and the middle of an odd number."""
        last = self.count - 1
        at = np.linspace(0, last, count) if count > 1 else np.array([last / 2])
        coordinates: Floats = self.grid()[np.unique(np.round(at).astype(int))]
        return coordinates

    def nodes(self, count: int) -> Floats:
        """Return this many Chebyshev nodes; for a single coordinate, the coordinate."""
        return self.grid() if self.count == 1 else self._scaled(chebyshev.nodes(count))

    def unit(self, coordinates: Floats) -> Floats:
        """Return coordinates mapped from the interval to [-1, 1]."""
        if self.count == 1:
            return np.zeros_like(coordinates)
        return (coordinates - (self.low + self.high) / 2) / ((self.high - self.low) / 2)

    def _scaled(self, unit: Floats) -> Floats:
        half = (self.high - self.low) / 2
        scaled = (self.low + self.high) / 2 + half * unit
        scaled[np.abs(scaled) < 1e-12 * half] = 0.0  # so that the centre is exactly 0 despite rounding
        result: Floats = scaled
        return result


def tensor_product(alphas: Floats, betas: Floats) -> Floats:
    """Return all points (B·A, 2) as (α, β), α running fastest."""
    a, b = np.meshgrid(alphas, betas)
    return np.column_stack([a.ravel(), b.ravel()])


@dataclass(frozen=True)
class Interpolant:
    """The polynomial through values at Chebyshev nodes of both axes."""

    axes: tuple[Axis, Axis]
    values: Floats  # (M, N) at M nodes along β and N along α

    def at(self, points: Floats) -> Floats:
        """Return its values (K,) at points (K, 2)."""
        by_row = chebyshev.interpolation_matrix(self.values.shape[0], self.axes[1].unit(points[:, 1]))  # (K, M)
        by_column = chebyshev.interpolation_matrix(self.values.shape[1], self.axes[0].unit(points[:, 0]))  # (K, N)
        result: Floats = ((by_row @ self.values) * by_column).sum(1)
        return result

    def on_grid(self, alphas: Floats, betas: Floats) -> Floats:
        """Return its values (B, A) at all pairs of coordinates (A,) and (B,)."""
        return chebyshev.interpolate(self.values, self.axes[0].unit(alphas), self.axes[1].unit(betas))


def interpolant(surface: Surface, transform: Transform | None = None) -> Interpolant | None:
    """Return the polynomial by which a surface's loss, or a transform of it, was interpolated; None if it was not."""
    fit = surface.metadata.get("interpolation")
    if fit is None:
        return None
    sizes = surface.loss.shape[::-1]
    first, second = (Axis(low, high, size) for (low, high), size in zip(fit["extent"], sizes, strict=True))
    nodes = [axis.nodes(count) for axis, count in zip((first, second), fit["nodes"], strict=True)]
    losses = dict(zip(map(tuple, surface.nodes.tolist()), surface.node_loss.tolist(), strict=True))
    values = np.array([[losses[a, b] for a in nodes[0].tolist()] for b in nodes[1].tolist()])
    return Interpolant((first, second), values if transform is None else transform(values))


def resample(
    surface: Surface,
    transform: Transform | None = None,
    *,
    alphas: Floats | None = None,
    betas: Floats | None = None,
) -> Floats:
    """Return the grid of a transformed loss: interpolated after the transform where ``surface`` was interpolated.

    An interpolant with an error of a thousandth of its range can still be negative where the loss is small, and then
    has no logarithm. Interpolating the logarithm of the nodes avoids that.

    Args:
        surface: What ``landscape.surface`` returned, one of its metrics, or the same read from a file.
        transform: Takes an array to one of the same shape, such as ``np.log10``; None leaves the loss as it is.
        alphas: Other coordinates (A,) within the plane; by default the surface's own.
        betas: Other coordinates (B,).

    Returns:
        (B, A). At points that were evaluated, the transform of the loss computed there.

    Raises:
        ValueError: Other coordinates are asked of a surface that was not interpolated, or that lie outside of it.
    """
    own = alphas is None and betas is None
    alphas, betas = surface.alphas if alphas is None else alphas, surface.betas if betas is None else betas
    with np.errstate(divide="ignore", invalid="ignore"):
        transformed = surface.loss if transform is None else transform(surface.loss)
        fit = interpolant(surface, transform)
        if fit is None:
            if not own:
                raise ValueError(
                    "a surface that was not interpolated has no values between its points; draw its own grid"
                )
            return transformed
        for axis, coordinates in zip(fit.axes, (alphas, betas), strict=True):
            if not (np.abs(axis.unit(coordinates)) <= 1 + 1e-9).all():
                extent = surface.metadata["interpolation"]["extent"]
                raise ValueError(f"coordinates lie outside of the surface, which is known within {extent}")
        result = fit.on_grid(alphas, betas)
        if own:
            result[surface.evaluated] = transformed[surface.evaluated]
        return result
