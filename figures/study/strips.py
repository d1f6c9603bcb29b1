"""Dots and intervals on a common scale: small drawings in a line of text or a cell of a table, without a script."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from landscape.figures.plotdata.ticks import round_ticks
from landscape.results.study.records import Estimate

MARGIN = 0.06  # of the drawn range, on either side


@dataclass(frozen=True)
class Scale:
    """The values that a strip reaches from and to: low < high."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Return where a value is drawn, in per cent of the strip's width."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)

    def ticks(self, count: int = 4) -> list[float]:
        """Return about ``count`` round values."""
        return round_ticks(self.low, self.high, count)


@dataclass(frozen=True)
class Strip:
    """What is drawn on a strip; places are in per cent of its width, and None is not drawn."""

    mean: float | None = None
    interval: tuple[float, float] | None = None  # place, and length
    dots: tuple[float, ...] = ()  # of the seeds
    mark: float | None = None  # a value that is published or claimed
    band: tuple[float, float] | None = None  # place, and length: values within a margin
    zero: float | None = None


def scale_of(values: Iterable[float]) -> Scale | None:
    """Return a scale that holds all finite values; None if there are none."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return None
    low, high = min(finite), max(finite)
    margin = MARGIN * (high - low) or 0.1 * abs(low) or 1.0
    return Scale(low - margin, high + margin)


def values_of(estimate: Estimate | None) -> list[float]:
    """Return the numbers of an estimate that have a place on a scale."""
    return [] if estimate is None else [estimate.mean, estimate.low, estimate.high]


def strip_of(
    scale: Scale | None,
    estimate: Estimate | None,
    *,
    dots: Sequence[float] = (),
    mark: float | None = None,
    margin: float | None = None,
    zero: bool = False,
) -> Strip | None:
    """Return the strip of an estimate; None if there is nothing to draw.

    Args:
        scale: Of all strips that are compared.
        estimate: The mean with its interval.
        dots: The values of the seeds.
        mark: What is published or claimed.
        margin: Half the length of a band around zero.
        zero: Whether to draw a line at zero.
    """
    if scale is None:
        return None
    known = estimate if estimate is not None and math.isfinite(estimate.mean) else None
    finite = tuple(scale.place(value) for value in dots if math.isfinite(value))
    if known is None and not finite and mark is None:
        return None
    return Strip(
        mean=None if known is None else scale.place(known.mean),
        interval=None if known is None else _span(scale, known.low, known.high),
        dots=finite,
        mark=None if mark is None or not math.isfinite(mark) else scale.place(mark),
        band=None if margin is None else _span(scale, -margin, margin),
        zero=scale.place(0.0) if zero else None,
    )


def _span(scale: Scale, low: float, high: float) -> tuple[float, float] | None:
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    return scale.place(low), round(scale.place(high) - scale.place(low), 2)
