"""From a surface to what is drawn: the heights on a linear or logarithmic scale, their ticks and contour levels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.figures.style import number
from landscape.results import Floats, Surface
from landscape.results.interpolation import resample

FLOOR = 0.32  # room between the floor and the lowest point, in units of the drawn range
LEVELS = 18  # contours aimed at between the lowest and the highest value
TICKS = 5

Limits = tuple[float, float]  # lowest and highest height drawn


@dataclass(frozen=True)
class Heights:
    """The loss as it is drawn. On the logarithmic scale values, limits, ticks and levels are its log10."""

    values: Floats  # (B, A); NaN: a hole
    low: float  # drawn range, never empty: low < high
    high: float
    log: bool
    quantity: str = "loss"

    @property
    def any(self) -> bool:
        """Whether there is anything to draw."""
        return bool(np.isfinite(self.values).any())

    @property
    def flat(self) -> bool:
        """Whether there are no two different values to draw contours between."""
        finite = self.values[np.isfinite(self.values)]
        return len(finite) == 0 or _is_flat(float(finite.min()), float(finite.max()))

    @property
    def levels(self) -> Floats:
        """(L,) heights of the contour lines: multiples of ``step`` well within the drawn range."""
        # A level just above the lowest point, or below the highest, would be a speck and not a line.
        indices = np.arange(math.ceil(self.low / self.step + 0.15), math.floor(self.high / self.step - 0.15) + 1)
        return np.asarray(indices * self.step, dtype=np.float64)

    @property
    def step(self) -> float:
        """From one contour level to the next: a round number, so that every picture has the same ones."""
        return round_step((self.high - self.low) / LEVELS)

    @property
    def ticks(self) -> tuple[list[float], list[str]]:
        """Where the ticks are and what they say, in units of the loss on either scale."""
        if not self.log:
            at = round_ticks(self.low, self.high)
            return at, [number(tick) for tick in at]
        losses = log_ticks(self.low, self.high)
        return [math.log10(loss) for loss in losses], [number(loss) for loss in losses]

    @property
    def label(self) -> str:
        """The axis's title."""
        return f"{self.quantity} (log scale)" if self.log else self.quantity

    def place(self, loss: float) -> float:
        """The height at which a loss is drawn; NaN if it has none."""
        if not self.log:
            return loss if math.isfinite(loss) else math.nan
        return math.log10(loss) if math.isfinite(loss) and loss > 0 else math.nan

    @property
    def losses(self) -> Floats:
        """(B, A) the loss behind the heights, for the hover."""
        losses: Floats = 10.0**self.values if self.log else self.values
        return losses


def heights(surface: Surface, *, log: bool = False, limits: Limits | None = None) -> Heights:
    """What to draw of a surface: values (B, A), with NaN where the loss is missing, not finite or has no logarithm.

    Args:
        surface: What to draw.
        log: Whether values, and all that goes with them, are log10.
        limits: The drawn range, in the units of the values, where several surfaces share one: see ``shared_limits``.
    """
    values = _logarithms(surface) if log else surface.loss
    values = np.where(np.isfinite(values), values, np.nan)
    if limits is not None:
        return Heights(values, *limits, log=log, quantity=surface.quantity)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    if _is_flat(low, high):
        middle = (low + high) / 2
        margin = 0.5 if log else 0.1 * abs(middle) or 1.0
        low, high = middle - margin, middle + margin
    return Heights(values=values, low=low, high=high, log=log, quantity=surface.quantity)


def shared_limits(drawn: Iterable[Heights]) -> Limits | None:
    """The range that holds all that can be drawn of several surfaces; None where there is nothing to draw."""
    ranges = [(each.low, each.high) for each in drawn if each.any]
    return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None


def _logarithms(surface: Surface) -> Floats:
    # Interpolated between the logarithms of the nodes. One node without a logarithm would make that NaN everywhere;
    # then only the grid's own values are left to transform.
    interpolated = surface.error is not None  # a metric may not be, even where its surface's loss is
    usable = interpolated and np.isfinite(surface.node_loss).all() and (surface.node_loss > 0).all()
    if usable:
        return resample(surface, np.log10)
    return np.log10(surface.loss, out=np.full_like(surface.loss, np.nan), where=surface.loss > 0)


def _is_flat(low: float, high: float) -> bool:
    return high - low <= 1e-12 * max(abs(low), abs(high))


def round_step(at_least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below ``at_least`` > 0."""
    power: float = 10.0 ** math.floor(math.log10(at_least))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= at_least * (1 - 1e-9))


def round_ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """Round numbers within [low, high], about ``count`` of them."""
    step = round_step((high - low) / count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round losses whose log10 lies within [low, high]: powers of ten, then 1-2-5, then evenly spaced ones."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    thinning = max(1, math.ceil((high - low) / 7))
    for factors in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0)):
        every = thinning if len(factors) == 1 else 1
        losses = [factor * 10.0**power for power in decades if power % every == 0 for factor in factors]
        within = [float(f"{loss:.12g}") for loss in losses if low - 1e-9 <= math.log10(loss) <= high + 1e-9]
        if len(within) >= 3:
            return within
    return round_ticks(10.0**low, 10.0**high)


def centre_in_view(surface: Surface) -> float:
    """The loss at (0, 0) if that lies within the surface's coordinates and was evaluated, otherwise NaN."""
    within = all(axis.min() <= 0 <= axis.max() for axis in (surface.alphas, surface.betas))
    return surface.centre if within else math.nan


def not_finite(surface: Surface) -> NDArray[np.bool_]:
    """(B, A) points that were evaluated and gave no finite loss: they are holes, but not missing."""
    result: NDArray[np.bool_] = surface.evaluated & ~np.isfinite(surface.loss)
    return result


def line_column(surface: Surface) -> int:
    """Which coordinate varies along a line: its column in ``surface.nodes``.

    Raises:
        ValueError: Both coordinates vary.
    """
    if len(surface.betas) == 1:
        return 0
    if len(surface.alphas) == 1:
        return 1
    raise ValueError(f"{_size(surface)} points make a plane; draw it with surface_figure")


def require_plane(surface: Surface) -> None:
    """Raise ValueError for a line or a point, which have no area to draw."""
    if min(surface.loss.shape) < 2:
        raise ValueError(f"{_size(surface)} points have no area; draw them with line_figure")


def _size(surface: Surface) -> str:
    return f"{len(surface.alphas)}×{len(surface.betas)}"


def floor_of(drawn: Heights) -> float:
    """The height of the floor that contours are drawn on, below the surface."""
    return drawn.low - FLOOR * (drawn.high - drawn.low)


def ends(coordinates: Floats) -> tuple[float, float]:
    """The first and the last coordinate."""
    return float(coordinates[0]), float(coordinates[-1])


def aspect(alphas: Floats, betas: Floats) -> tuple[float, float, float]:
    """The sides of the box of a scene that shows these coordinates."""
    spans = np.array([np.ptp(alphas), np.ptp(betas)])
    sides = np.maximum(spans / spans.max(), 0.35)  # a long strip stays readable, if not to scale
    return float(sides[0]), float(sides[1]), 0.72


def is_square(surface: Surface) -> bool:
    """Whether both coordinates can be drawn to the same scale."""
    return bool(0.25 <= np.ptp(surface.betas) / np.ptp(surface.alphas) <= 4)
