"""Round numbers for the ticks of an axis."""

from __future__ import annotations

import math

TICKS = 5
DECADES = (-307, 308)  # whose powers of ten are neither 0 nor infinite
LARGEST = 10.0 ** DECADES[1]


def within_numbers(low: float, high: float) -> tuple[float, float]:
    """Return the ends of an axis, cut to where they are finite."""
    return max(low, -LARGEST), min(high, LARGEST)


def round_step(at_least: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5 times a power of ten that is not below ``at_least`` > 0."""
    power: float = 10.0 ** math.floor(math.log10(at_least))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= at_least * (1 - 1e-9))


def round_ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """Return about ``count`` round numbers within [low, high]."""
    finest = max(1e-15 * max(abs(low), abs(high)), 10.0 ** DECADES[0])  # else there is no room for ticks
    step = round_step(max(high / count - low / count, finest))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return round values whose log10 lies within [low, high]: powers of ten, then 1-2-5, then evenly spaced ones."""
    decades = range(max(math.floor(low), DECADES[0]), min(math.ceil(high), DECADES[1]) + 1)
    thinning = max(1, math.ceil((high - low) / 7))
    for factors in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0)):
        every = thinning if len(factors) == 1 else 1
        values = [factor * 10.0**power for power in decades if power % every == 0 for factor in factors]
        within = [float(f"{value:.12g}") for value in values if low - 1e-9 <= math.log10(value) <= high + 1e-9]
        if len(within) >= 3:
            return within
    return round_ticks(10.0**low, 10.0**high)
