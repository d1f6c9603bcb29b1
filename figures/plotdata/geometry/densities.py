"""The spectral density as a curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.results import Floats, Spectrum

HIGHEST = 2.0  # times the mean's peak that the axis reaches for the interval's sake: with two probes it is huge
BELOW_ONE = 0.1  # the log axis begins at this share of a single eigenvalue's peak


@dataclass(frozen=True)
class Density:
    """The curve with its interval over probes, and the marks that help to read it."""

    grid: Floats  # (G,) eigenvalues; empty if no node is finite
    mean: Floats  # (G,)
    half: Floats  # (G,) of the interval's width, by Student's t; NaN for one probe
    width: float  # of the kernel, its standard deviation
    single: float  # the height of the peak of one eigenvalue alone
    low: float  # drawn range of the density
    high: float
    log: bool
    extremes: tuple[float, float]  # the smallest and the largest node; NaN if none is finite
    nodes: Floats  # (N,)
    weights: Floats  # (N,)
    probes: NDArray[np.int64]  # (N,) the probe of each node

    @property
    def span(self) -> tuple[float, float]:
        """The drawn range of eigenvalues."""
        return (float(self.grid[0]), float(self.grid[-1])) if len(self.grid) else (-1.0, 1.0)

    def clipped(self, values: Floats) -> Floats:
        """Return ``values`` of the density; on the log axis those below its lower end are set just below it."""
        return np.maximum(values, self.low / 10) if self.log else values


def density(spectrum: Spectrum, *, log: bool = True) -> Density:
    """Return the curve from below the smallest eigenvalue to above the largest, zero included."""
    finite = np.isfinite(spectrum.values)
    nodes, weights = spectrum.values[finite], spectrum.weights[finite]
    low, high = (float(nodes.min()), float(nodes.max())) if len(nodes) else (math.nan, math.nan)
    grid, width = spectrum.grid()
    with np.errstate(invalid="ignore"):
        mean, stderr = spectrum.density(grid, width) if len(nodes) else (np.empty(0), np.empty(0))
    single = 1 / (spectrum.size * width * math.sqrt(2 * math.pi))
    half = spectrum.half_width(stderr)
    highest = np.minimum(mean + np.nan_to_num(half), HIGHEST * np.max(mean, initial=0.0))
    top = float(np.nanmax(highest, initial=single))
    bottom = min(BELOW_ONE * single, 1e-3 * top) if log else 0.0
    return Density(
        grid=grid,
        mean=mean,
        half=half,
        width=width,
        single=single,
        low=bottom,
        high=2 * top if log else 1.06 * top,
        log=log,
        extremes=(low, high),
        nodes=nodes,
        weights=weights,
        probes=np.nonzero(finite)[0],
    )
