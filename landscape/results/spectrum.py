"""The distribution of eigenvalues."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from landscape.results.arrays import Floats, Integers, Metadata

WIDTH = 0.01  # the density's default kernel width, as a share of the range of the nodes and zero


@dataclass(frozen=True)
class Spectrum:
    """The distribution of eigenvalues, estimated by random probes: the nodes and weights of a quadrature for each.

    For a probe v, Σ τ_i f(θ_i) is vᵀf(H)v up to the quadrature's error, and its mean over probes estimates
    tr f(H) / n. With m nodes it has no error for polynomials of degree up to 2m - 1, nor for any f if the probe's
    Krylov space became invariant. Otherwise it is small for smooth f, and up to a node's weight for a step.

    Every estimate is a pair (mean, standard error). The error is the spread over the probes divided by the root of
    their number P, NaN for one probe; a confidence interval takes Student's t with P - 1 degrees of freedom, and is
    too short where few eigenvalues outweigh all others, since the probes' values are skewed then. The quadrature's
    error is not part of it.
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

    def __repr__(self) -> str:
        (low, high), (total, error), (least, most) = self.extremes, self.trace(), self.share_bounds()
        return (
            f"Spectrum({self.size:,} eigenvalues, {low:.4g} to {high:.4g}, trace {total:.4g} ± {error:.1g}, "
            f"{least:.0%} to {most:.0%} below zero, {self.probes} probes × {self.steps} steps, "
            f"{self.products} products)"
        )
