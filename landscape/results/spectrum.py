"""The distribution of eigenvalues."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from landscape.results.display.frames import Tabular, dataset, plain_attributes
from landscape.results.display.plotting import Pictured
from landscape.results.display.tables import Row, Table, interval_cell
from landscape.results.numerics.arrays import Floats, Integers, Metadata
from landscape.results.numerics.estimates import LEVEL, Error, student_half_width

WIDTH = 0.01  # the density's default kernel width, as a share of the range of the nodes and zero
POINTS = 801  # of the density as a curve: seven to a kernel's standard deviation


@dataclass(frozen=True)
class Spectrum(Pictured, Tabular):
    """The distribution of eigenvalues, estimated by random probes: the nodes and weights of a quadrature for each.

    For a probe v, Σ τ_i f(θ_i) is vᵀf(H)v up to the quadrature's error, and its mean over probes estimates
    tr f(H) / n. With m nodes it has no error for polynomials of degree up to 2m - 1, nor for any f if the probe's
    Krylov space became invariant. Otherwise it is small for smooth f, and up to a node's weight for a step.

    Every estimate is a pair (mean, standard error). The error is the spread over the probes divided by the root of
    their number P, NaN for one probe; ``half_width`` makes a confidence interval of it by Student's t with P - 1
    degrees of freedom, which is too short where few eigenvalues outweigh all others, since the probes' values are
    skewed then. The quadrature's error is not part of it.
    """

    values: Floats  # (P, steps) the nodes θ of each probe, ascending; NaN after the last where the probe ended early
    weights: Floats  # (P, steps) their weights τ, which sum to one for each probe; NaN where the nodes are
    size: int  # n, the number of eigenvalues: the active coordinates
    seeds: Integers  # (P, 2) of each probe: the seed, and the number of the probe
    noise: float  # the size that rounding may give a zero eigenvalue, by the dtype
    metadata: Metadata = field(default_factory=dict)

    def __post_init__(self) -> None:
        probes = len(self.seeds)
        if self.values.shape != self.weights.shape or len(self.values) != probes or self.seeds.shape != (probes, 2):
            raise ValueError(
                f"values {self.values.shape}, weights {self.weights.shape} and seeds {self.seeds.shape} do not fit; "
                "they must be (probes, steps) twice and (probes, 2)"
            )

    @property
    def probes(self) -> int:
        """P, the number of probes."""
        return len(self.values)

    @property
    def steps(self) -> int:
        """The number of Lanczos steps that each probe was allowed."""
        return int(self.values.shape[1])

    @property
    def products(self) -> int:
        """The operator-vector products used, one for each node."""
        return int(np.count_nonzero(~np.isnan(self.values)))

    @property
    def extremes(self) -> tuple[float, float]:
        """The smallest and the largest node: the spectrum reaches at least as far, up to rounding."""
        return float(np.nanmin(self.values)), float(np.nanmax(self.values))

    def first(self, probes: int) -> Spectrum:
        """Return the result of the first probes alone."""
        return replace(self, values=self.values[:probes], weights=self.weights[:probes], seeds=self.seeds[:probes])

    def quadrature(self, function: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
        """Return the mean of f over the eigenvalues, tr f(H) / n.

        Args:
            function: Of eigenvalues (m,); returns (m,) or, for several functions at once, (m, …).

        Returns:
            The mean and its standard error, each () or (…).
        """
        means = np.stack([weights @ function(values) for values, weights in self._nodes()])  # (P, …)
        if self.probes == 1:
            return means[0], np.full_like(means[0], np.nan)
        return means.mean(0), means.std(0, ddof=1) / math.sqrt(self.probes)

    def half_width(self, stderr: Error, level: float = LEVEL) -> Error:
        """Return half the width of the confidence interval that belongs to a standard error of this spectrum's.

        Student's t with P - 1 degrees of freedom: with two probes an interval of 95 % is 12.7 standard errors to
        either side, with ten 2.3.

        Args:
            stderr: Of ``quadrature``, ``density``, ``trace``, ``moments`` or ``share_below``; a number or several (…).
            level: Of the interval.

        Returns:
            The shape of ``stderr``; NaN for one probe.

        Raises:
            ValueError: The level is not between 0 and 1.
        """
        return student_half_width(stderr, self.probes, level)

    def grid(self) -> tuple[Floats, float]:
        """Return eigenvalues (G,) from below the smallest node to above the largest, zero included, and a kernel width.

        They make a curve of the density. The grid is empty where no node is finite.
        """
        nodes = self.values[np.isfinite(self.values)]
        if not len(nodes):
            return np.empty(0), WIDTH
        low, high = min(float(nodes.min()), 0.0), max(float(nodes.max()), 0.0)
        width = WIDTH * (high - low) or WIDTH
        return np.linspace(low - 6 * width, high + 6 * width, POINTS), width

    def density(self, grid: ArrayLike, width: float | None = None) -> tuple[Floats, Floats]:
        """Return the density of eigenvalues, smoothed by a Gaussian kernel; it integrates to one over the real line.

        Where the kernel is narrower than the distance between nodes, the curve shows the nodes and not the spectrum:
        more steps resolve more, more probes do not.

        Args:
            grid: Eigenvalues (G,) at which to compute it.
            width: The kernel's standard deviation, in units of the eigenvalues; by default a hundredth of the range
                of the nodes and zero.

        Returns:
            The density (G,) and its standard error (G,).

        Raises:
            ValueError: The width is not positive, or none is given and all eigenvalues are zero.
        """
        low, high = self.extremes
        if width is None:
            width = WIDTH * (max(high, 0.0) - min(low, 0.0))
            if width == 0:
                raise ValueError("all eigenvalues are 0, which leaves no range for a default width; pass a width > 0")
        if not (math.isfinite(width) and width > 0):
            raise ValueError(f"width={width} must be a positive number, in units of the eigenvalues")
        points = np.asarray(grid, float)  # (G,)
        height = 1 / (width * math.sqrt(2 * math.pi))
        return self.quadrature(lambda values: height * np.exp(-(((points - values[:, None]) / width) ** 2) / 2))

    def trace(self) -> tuple[float, float]:
        """Return the sum of all eigenvalues; exact for each probe, so that the standard error is its only error."""
        mean, stderr = self.quadrature(lambda values: values)
        return self.size * float(mean), self.size * float(stderr)

    def moments(self, count: int = 4) -> tuple[Floats, Floats]:
        """Return the means of the eigenvalues' powers, tr H^k / n for k = 1 to ``count``, with errors, each (count,).

        The quadrature has no error for k up to 2 · steps - 1.

        Raises:
            ValueError: ``count`` is less than 1.
        """
        if count < 1:
            raise ValueError(f"count={count} must be at least 1, the mean of the eigenvalues")
        return self.quadrature(lambda values: values[:, None] ** np.arange(1, count + 1))

    def share_below(self, threshold: float = 0.0) -> tuple[float, float]:
        """Return the share of eigenvalues below the threshold by more than ``noise``; of negative curvature by default.

        A node represents the eigenvalues around it. Where many lie close to the threshold, as a Hessian's do at zero,
        the node among them may fall on either side: see ``share_bounds``.
        """
        mean, stderr = self.quadrature(lambda values: (values < threshold - self.noise).astype(float))
        return float(mean), float(stderr)

    def share_bounds(self, threshold: float = 0.0) -> tuple[float, float]:
        """Return the two numbers between which ``share_below`` would be without the quadrature's error.

        By the separation theorem of Chebyshev, Markov and Stieltjes, a node's weight may belong to eigenvalues on
        either side of it, but the weights beyond the node may not. They are for the same probes: the standard error
        over probes is not included.
        """
        lows, highs = [], []
        for values, weights in self._nodes():
            below = int(np.count_nonzero(values < threshold - self.noise))
            exact = len(values) < self.steps or len(values) == self.size  # the probe saw an invariant space
            lows.append(weights[: below if exact else max(below - 1, 0)].sum())
            highs.append(weights[: below if exact else below + 1].sum())
        return float(np.mean(lows)), float(np.mean(highs))

    def _nodes(self) -> list[tuple[Floats, Floats]]:
        """The nodes and weights, (m,) each, of each probe."""
        return [
            (values[known], weights[known])
            for values, weights, known in zip(self.values, self.weights, ~np.isnan(self.values), strict=True)
        ]

    def table(self) -> Table:
        """Return the trace and the share of negative eigenvalues with their errors, and the extremes."""
        least, most = self.share_bounds()
        estimates = {
            "trace": self.trace(),
            f"share of negative eigenvalues, from {least:.0%} to {most:.0%}": self.share_below(),
        }
        rows: list[Row] = [
            (name, (value, error), interval_cell(value, self.half_width(error)))
            for name, (value, error) in estimates.items()
        ]
        low, high = self.extremes
        rows += [("smallest node", low, ""), ("largest node", high, "")]
        return Table(f"Spectrum, {self.probes} probes", ("", "± standard error", f"{LEVEL:.0%} interval"), rows)

    def columns(self) -> dict[str, Any]:
        """Return the nodes in a row each: probe (from 1), value, weight."""
        known = ~np.isnan(self.values)
        return {"probe": np.nonzero(known)[0] + 1, "value": self.values[known], "weight": self.weights[known]}

    def to_xarray(self, grid: ArrayLike | None = None, width: float | None = None, level: float = LEVEL) -> Any:
        """Return the density over the eigenvalues, and the nodes of its probes, as an ``xarray.Dataset``.

        Args:
            grid: Eigenvalues (G,), the coordinates of ``density`` and of its ``stderr`` and ``half_width``; by
                default a curve over the whole spectrum, see ``grid``.
            width: The kernel's standard deviation, as of ``density``; with the default grid, that of ``grid``.
            level: Of the interval mean ± half_width.

        Raises:
            ImportError: xarray is not installed.
            ValueError: As ``density`` raises it.
        """
        if grid is None:
            grid, default = self.grid()
            width = default if width is None else width
        points = np.asarray(grid, float)
        mean, stderr = self.density(points, width)
        over: list[str] = ["eigenvalue"]
        interval: Metadata = {"level": level, "degrees_of_freedom": self.probes - 1}
        return dataset(
            {
                "density": (over, mean, {}),
                "stderr": (over, stderr, {}),
                "half_width": (over, self.half_width(stderr, level), interval),
                "nodes": (["probe", "node"], self.values, {}),
                "weights": (["probe", "node"], self.weights, {}),
            },
            {"eigenvalue": points},
            {**plain_attributes(self.metadata), "size": self.size, "noise": self.noise},
        )

    def __repr__(self) -> str:
        (low, high), (total, error), (least, most) = self.extremes, self.trace(), self.share_bounds()
        return (
            f"Spectrum({self.size:,} eigenvalues, {low:.4g} to {high:.4g}, trace {total:.4g} ± {error:.1g}, "
            f"{least:.0%} to {most:.0%} below zero, {self.probes} probes × {self.steps} steps, "
            f"{self.products} products)"
        )
