"""A surface between its nodes: the axes of a plane, the nodes on them, and interpolating what will be shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from landscape import chebyshev
from landscape.results import Floats, Surface


@dataclass(frozen=True)
class Axis:
    """One coordinate of the plane: an interval, and how many equispaced points of it a result has."""

    low: float
    high: float
    count: int

    def grid(self) -> Floats:
        """The result's coordinates (count,); for a single one 0, or the middle if the interval lacks 0."""
        if self.count == 1:
            return np.array([0.0 if self.low <= 0 <= self.high else (self.low + self.high) / 2])
        return self._scaled((2 * np.arange(self.count) - (self.count - 1)) / (self.count - 1))

    def nodes(self, count: int) -> Floats:
        """That many Chebyshev nodes, or the only coordinate there is."""
        return self.grid() if self.count == 1 else self._scaled(chebyshev.nodes(count))

    def unit(self, coordinates: Floats) -> Floats:
        """Coordinates mapped from the interval to [-1, 1]."""
        if self.count == 1:
            return np.zeros_like(coordinates)
        return (coordinates - (self.low + self.high) / 2) / ((self.high - self.low) / 2)

    def _scaled(self, unit: Floats) -> Floats:
        half = (self.high - self.low) / 2
        scaled = (self.low + self.high) / 2 + half * unit
        scaled[np.abs(scaled) < 1e-12 * half] = 0.0  # so that the centre is found where rounding would miss it
        result: Floats = scaled
        return result


def tensor_product(alphas: Floats, betas: Floats) -> Floats:
    """All points (B·A, 2) as (α, β), α running fastest."""
    a, b = np.meshgrid(alphas, betas)
    return np.column_stack([a.ravel(), b.ravel()])


def resample(
    surface: Surface,
    transform: Callable[[Floats], Floats] | None = None,
    *,
    alphas: Floats | None = None,
    betas: Floats | None = None,
) -> Floats:
    """The surface of a transformed loss: interpolated after the transform where ``surface`` was interpolated before.

    An interpolant that is right to a thousandth of its range can still dip below zero where the loss is small; its
    logarithm is then a hole. Interpolating the logarithm of the nodes has none.

    Args:
        surface: What ``landscape.surface`` returned, or the same read from a file.
        transform: Takes an array to one of the same shape, such as ``np.log10``; None leaves the loss as it is.
        alphas: Other coordinates (A,) within the plane; by default the surface's own.
        betas: Other coordinates (B,).

    Returns:
        (B, A). At points that were evaluated, the transform of the loss found there.

    Raises:
        ValueError: Other coordinates are asked of a surface that was not interpolated, or that lie outside of it.
    """
    transform = transform if transform is not None else lambda loss: loss
    own = alphas is None and betas is None
    alphas, betas = surface.alphas if alphas is None else alphas, surface.betas if betas is None else betas
    with np.errstate(divide="ignore", invalid="ignore"):
        fit = surface.metadata.get("interpolation")
        if fit is None:
            if not own:
                raise ValueError(
                    "a surface that was not interpolated has no values between its points; draw its own grid"
                )
            return transform(surface.loss)
        sizes = surface.loss.shape[::-1]
        axes = [Axis(low, high, size) for (low, high), size in zip(fit["extent"], sizes, strict=True)]
        found = {(a, b): loss for (a, b), loss in zip(surface.nodes.tolist(), surface.node_loss.tolist(), strict=True)}
        at_nodes = [axis.nodes(count) for axis, count in zip(axes, fit["nodes"], strict=True)]
        values = transform(np.array([[found[a, b] for a in at_nodes[0].tolist()] for b in at_nodes[1].tolist()]))
        units = [axis.unit(coordinates) for axis, coordinates in zip(axes, (alphas, betas), strict=True)]
        if max(np.abs(unit).max(initial=0) for unit in units) > 1 + 1e-9:
            raise ValueError(f"coordinates lie outside of the surface, which is known within {fit['extent']}")
        result = chebyshev.interpolate(values, *units)
        if own:
            result[surface.evaluated] = transform(surface.loss[surface.evaluated])
        return result
