"""The spectral density as a curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.results import Floats, Spectrum
from landscape.results.spectrum import WIDTH

POINTS = 801  # of the curve: seven to a kernel's standard deviation
BELOW_ONE = 0.1  # the log axis begins at this share of a single eigenvalue's peak


@dataclass(frozen=True)
class Density:
    """The curve with its standard error, and the marks that help to read it."""

    grid: Floats  # (G,) eigenvalues; empty if no node is finite
    mean: Floats  # (G,)
    stderr: Floats  # (G,) NaN for one probe
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
    ends = [end for end in (low, high, 0.0) if math.isfinite(end)]
    width = WIDTH * (max(ends) - min(ends)) or WIDTH
    grid = np.linspace(min(ends) - 6 * width, max(ends) + 6 * width, POINTS) if len(nodes) else np.empty(0)
    with np.errstate(invalid="ignore"):
        mean, stderr = spectrum.density(grid, width) if len(nodes) else (np.empty(0), np.empty(0))
    single = 1 / (spectrum.size * width * math.sqrt(2 * math.pi))
    top = float(np.nanmax(mean + np.nan_to_num(stderr), initial=single))
    bottom = min(BELOW_ONE * single, 1e-3 * top) if log else 0.0
    return Density(
        grid=grid,
        mean=mean,
        stderr=stderr,
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
