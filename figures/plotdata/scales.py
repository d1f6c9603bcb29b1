"""The loss as heights on a linear or a logarithmic scale, with ticks and contour levels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from landscape.figures.plotdata.ticks import log_ticks, round_step, round_ticks
from landscape.figures.style import number
from landscape.results import Floats, Surface
from landscape.results.interpolation import resample

FLOOR = 0.32  # distance from the floor to the lowest point, as a share of the drawn range
LABEL_DIGITS = 7  # at most, of the label of a contour
LEVELS = 18  # contours aimed at between the lowest and the highest value

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
        """Whether all values are equal, so that there are no contours."""
        finite = self.values[np.isfinite(self.values)]
        return len(finite) == 0 or _is_flat(float(finite.min()), float(finite.max()))

    @property
    def floor(self) -> float:
        """The height of the floor below the surface, on which contours are drawn."""
        return self.low - FLOOR * (self.high - self.low)

    @property
    def levels(self) -> Floats:
        """(L,) heights of the contour lines: multiples of ``step`` well within the drawn range."""
        # A contour just above the lowest point, or just below the highest, would be a dot and not a line.
        indices = np.arange(math.ceil(self.low / self.step + 0.15), math.floor(self.high / self.step - 0.15) + 1)
        return np.asarray(indices * self.step, dtype=np.float64)

    @property
    def step(self) -> float:
        """The distance between contour levels: a round number, so that all pictures have the same levels."""
        return round_step((self.high - self.low) / LEVELS)

    @property
    def level_labels(self) -> list[str]:
        """Labels of the levels: losses on both scales, rounded by little of the distance between two levels."""
        losses = 10.0**self.levels if self.log else self.levels
        gaps = np.abs(np.diff(losses, prepend=-math.inf, append=math.inf))
        room = 0.1 * np.minimum(gaps[:-1], gaps[1:])
        return [_rounded(loss, within) for loss, within in zip(losses.tolist(), room.tolist(), strict=True)]

    @property
    def ticks(self) -> tuple[list[float], list[str]]:
        """Heights of the ticks and their labels; labels are losses on both scales."""
        if not self.log:
            at = round_ticks(self.low, self.high)
            return at, [number(tick) for tick in at]
        losses = log_ticks(self.low, self.high)
        return [math.log10(loss) for loss in losses], [number(loss) for loss in losses]

    @property
    def label(self) -> str:
        """The title of the axis."""
        return f"{self.quantity} (log scale)" if self.log else self.quantity

    def place(self, loss: float) -> float:
        """Return the height at which a loss is drawn; NaN if it has none."""
        if not self.log:
            return loss if math.isfinite(loss) else math.nan
        return math.log10(loss) if math.isfinite(loss) and loss > 0 else math.nan

    @property
    def losses(self) -> Floats:
        """(B, A) the losses that the heights stand for."""
        losses: Floats = 10.0**self.values if self.log else self.values
        return losses


def plot_heights(surface: Surface, *, log: bool = False, limits: Limits | None = None) -> Heights:
    """Return the heights (B, A) of a surface; NaN where the loss is missing, not finite or has no logarithm.

    Args:
        surface: The surface to draw.
        log: Whether heights, limits, ticks and levels are log10 of the loss.
        limits: The drawn range, in units of the heights, if several surfaces share one: see ``shared_limits``.
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


def shared_limits(heights: Iterable[Heights]) -> Limits | None:
    """Return the range that holds several surfaces; None if none of them has anything to draw."""
    ranges = [(surface.low, surface.high) for surface in heights if surface.any]
    return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None


def _logarithms(surface: Surface) -> Floats:
    # Interpolated between the logarithms of the nodes. One node without a logarithm would make all values NaN; in that
    # case only the values on the grid are transformed.
    interpolated = surface.error is not None  # a metric may not be, even if the loss of its surface is
    usable = interpolated and np.isfinite(surface.node_loss).all() and (surface.node_loss > 0).all()
    if usable:
        return resample(surface, np.log10)
    return np.log10(surface.loss, out=np.full_like(surface.loss, np.nan), where=surface.loss > 0)


def _is_flat(low: float, high: float) -> bool:
    return high - low <= 1e-12 * max(abs(low), abs(high))


def _rounded(value: float, within: float) -> str:
    """Return a number with at least two digits, and as many as keep it within a distance."""
    for digits in range(2, LABEL_DIGITS):
        if abs(float(f"{value:.{digits - 1}e}") - value) <= within:
            return number(value, digits)
    return number(value, LABEL_DIGITS)
