"""Several surfaces on one scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from landscape.figures.plotdata.extents import is_plane
from landscape.figures.plotdata.scales import Heights, Limits, plot_heights, shared_limits
from landscape.figures.plotdata.surfaces.planes import ball
from landscape.results import Floats, Surface

LINEAR, LOG, RISE = "linear", "log", "rise"
SCALES = (LINEAR, LOG, RISE)
LOSS = "loss"


@dataclass(frozen=True)
class ComparedSurfaces:
    """The surfaces of several models on one scale."""

    surfaces: list[Surface | None]  # one a model; None: nothing to draw
    heights: list[Heights | None]  # one a model
    limits: Limits | None  # of all heights; None: nothing to draw at all
    alphas: Limits  # from the lowest coordinate of any surface to the highest
    betas: Limits
    log: bool

    @property
    def common(self) -> Heights:
        """The shared scale, with the ticks and levels of all surfaces."""
        assert self.limits is not None
        first = next(heights for heights in self.heights if heights is not None)
        return replace(first, low=self.limits[0], high=self.limits[1])


def compare_surfaces(surfaces: Sequence[Surface | None], scale: str) -> ComparedSurfaces:
    """Return the surfaces on a scale of ``SCALES``, with limits that hold all of them."""
    log = scale == LOG
    drawn: list[tuple[Surface, Heights] | None] = [_on_scale(surface, scale) for surface in surfaces]
    pairs = [pair for pair in drawn if pair is not None]
    return ComparedSurfaces(
        [None if pair is None else pair[0] for pair in drawn],
        [None if pair is None else pair[1] for pair in drawn],
        shared_limits(heights for _, heights in pairs),
        _union(surface.alphas for surface, _ in pairs),
        _union(surface.betas for surface, _ in pairs),
        log,
    )


def _on_scale(surface: Surface | None, scale: str) -> tuple[Surface, Heights] | None:
    if surface is None or not np.isfinite(surface.loss).any():
        return None
    surface = above_lowest(surface) if scale == RISE else surface
    heights = plot_heights(surface, log=scale == LOG)
    return (surface, heights) if heights.any else None


def _union(axes: Iterable[Floats]) -> Limits:
    ends = np.concatenate([np.empty(0), *axes])
    return (float(ends.min()), float(ends.max())) if len(ends) else (-1.0, 1.0)


def offsets_dominate(surfaces: Iterable[Surface | None]) -> bool:
    """Whether on one linear scale the levels of several surfaces fill more of the range than any of them rises."""
    ranges = np.array([surface.range for surface in surfaces if surface is not None and is_plane(surface)]).reshape(
        -1, 2
    )
    low, high = ranges[np.isfinite(ranges).all(1)].T
    return bool(len(low) > 1 and np.ptp(low) > (high - low).max())


def above_lowest(surface: Surface) -> Surface:
    """Return the surface with the lowest loss shown subtracted: its shape without its level."""
    low, _ = surface.range
    return replace(
        surface,
        loss=surface.loss - low,
        node_loss=surface.node_loss - low,
        metadata={**surface.metadata, "quantity": f"{surface.quantity} above its lowest"},
    )


def quantity_of(surface: Surface | None, quantity: str) -> Surface | None:
    """Return the surface of the loss or of a metric; None if the surface has no metric of that name."""
    if surface is None or quantity == LOSS:
        return surface
    return surface.of(quantity) if quantity in surface.metrics else None


def quantities(surfaces: Iterable[Surface | None]) -> list[str]:
    """Return the loss and the metrics; a metric that is known on one line of a plane only is left out."""
    metrics = (
        name
        for surface in surfaces
        if surface is not None
        for name in surface.metrics
        if is_plane(surface.of(name)) == is_plane(surface)
    )
    return list(dict.fromkeys([LOSS, *metrics]))


def ball_fits(surface: Surface, rho: float) -> bool:
    """Whether the surface has what is needed to draw the boundary of the ball."""
    try:
        ball(surface, rho)
    except ValueError:
        return False
    return True
