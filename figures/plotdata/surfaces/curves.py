"""Paths between two models: the loss along them as it is drawn, and the curved one on the plane through it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from landscape.figures.style import BARRIER_COLOUR, PALETTE, give_or_take, number
from landscape.results import Floats, Surface
from landscape.results.curve import LowLossCurve

STRAIGHT, CURVED = BARRIER_COLOUR, PALETTE["blue"]
T_LABEL = "t"
FINE = 200  # points of the curve's line on the plane


@dataclass(frozen=True)
class DrawnPath:
    """One path's loss with its standard error."""

    name: str  # with its barrier
    colour: str
    t: Floats  # (T,)
    loss: Floats  # (T,)
    error: Floats  # (T,) 0 where unknown
    at: float  # of the barrier
    foot: float  # the straight line between the ends there
    height: float

    def hover(self, place: int) -> str:
        """Return t and the loss with its error, in two lines."""
        value = give_or_take(float(self.loss[place]), float(self.error[place]) or math.nan)
        return f"{self.name}\nt {number(float(self.t[place]))}\nloss {value}"


def drawn_paths(curve: LowLossCurve) -> list[DrawnPath]:
    """Return the straight path and the curved one."""
    paths = []
    for name, colour, path in (("straight", STRAIGHT, curve.straight), ("curved", CURVED, curve.curved)):
        barrier = path.barrier
        height = give_or_take(barrier.height, barrier.stderr or math.nan, 3)
        paths.append(
            DrawnPath(
                f"{name}: barrier {height}",
                colour,
                path.t,
                path.loss,
                np.nan_to_num(path.stderr, posinf=0.0),
                barrier.at,
                float((1 - barrier.at) * path.loss[0] + barrier.at * path.loss[-1]),
                barrier.height,
            )
        )
    return paths


def paths_range(paths: list[DrawnPath]) -> tuple[float, float]:
    """Return the range of losses that holds all paths with their errors, with a margin."""
    low = min(float((path.loss - path.error).min()) for path in paths)
    high = max(float((path.loss + path.error).max()) for path in paths)
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return low - margin, high + margin


def curve_line(surface: Surface) -> Floats | None:
    """Return the curve of low loss as a line (N, 2) on its plane; None if the surface has none."""
    if surface.curve is None or surface.is_line:
        return None
    t = np.linspace(0, 1, FINE)
    return np.stack([t**2, 2 * t * (1 - t)], 1)
