"""The loss along a line: its coordinate, the barrier on it and the quadratic model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from landscape.figures.plotdata.extents import line_column
from landscape.figures.plotdata.surfaces.planes import Coordinate, coordinates
from landscape.figures.style import give_or_take
from landscape.results import Floats, Surface

CHORD = 65  # points of the chord between the ends, which is curved on a logarithmic axis


@dataclass(frozen=True)
class Line:
    """The coordinate that varies along a line."""

    at: Floats  # (N,)
    coordinate: Coordinate
    column: int  # of ``surface.nodes``


def line_of(surface: Surface) -> Line:
    """Return the coordinate that varies.

    Raises:
        ValueError: Both coordinates vary.
    """
    column = line_column(surface)
    return Line((surface.alphas, surface.betas)[column], coordinates(surface)[column], column)


@dataclass(frozen=True)
class BarrierLines:
    """The barrier as it is drawn."""

    chord: Floats  # (N, 2) between the ends, (t, height)
    rise: Floats  # (2, 2) from the chord up to the loss
    at: float
    height: str  # with the error of the interpolation


def barrier_lines(surface: Surface, *, log: bool = False) -> BarrierLines | None:
    """Return the barrier between t = 0 and t = 1; None if there is none to draw."""
    if surface.barrier is None:
        return None
    low, high = (float(surface.loss[0, np.argmin(np.abs(surface.alphas - end))]) for end in (0, 1))
    t = np.linspace(0, 1, CHORD)
    chord = (1 - t) * low + t * high
    at, height = surface.barrier.at, surface.barrier.height
    foot = (1 - at) * low + at * high
    rise = np.array([foot, foot + height])
    if log:
        with np.errstate(divide="ignore", invalid="ignore"):
            chord, rise = np.log10(chord), np.log10(rise)
    if not (np.isfinite(chord).all() and np.isfinite(rise).all() and height > 0):
        return None
    error = surface.barrier.error or math.nan
    return BarrierLines(
        np.stack([t, chord], 1), np.stack([np.full(2, at), rise], 1), at, give_or_take(height, error, 3)
    )
