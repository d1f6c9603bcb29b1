"""Intervals over seeds and users, corrections for several comparisons, and rank correlations with intervals.

The unit of inference is the run: users are nested in it. A mean over seeds has Student's t interval; a statement about
seeds *and* users has a hierarchical bootstrap, which draws seeds first and users within them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from landscape.results.study.records import Estimate

LEVEL = 0.95  # of all intervals
DRAWS = 2000  # of a bootstrap

Floats = NDArray[np.float64]


def mean_interval(values: ArrayLike, level: float = LEVEL) -> Estimate:
    """Return the mean of independent runs with Student's t interval.

    Args:
        values: (n,) one value a run. A value that is not finite makes the whole estimate NaN: a failed run is not
            silently left out of a mean.
        level: Coverage of the interval, in (0, 1).

    Raises:
        ValueError: There is no value.

    >>> print(mean_interval([1.0, 2.0, 3.0]))  # 2 ± 4.303·1/√3
    2.0000 [-0.4841, 4.4841]
    """
    values = np.asarray(values, dtype=float)
    if values.size == 0:
        raise ValueError("a mean needs at least one run; there is none")
    if not np.isfinite(values).all():
        return Estimate(math.nan, math.nan, math.nan, values.size)
    mean = float(values.mean())
    if values.size == 1:
        return Estimate(mean, math.nan, math.nan, 1)
    half = float(stats.t.ppf((1 + level) / 2, values.size - 1) * values.std(ddof=1) / math.sqrt(values.size))
    return Estimate(mean, mean - half, mean + half, values.size)


def t_test(differences: ArrayLike, null: float = 0.0, *, alternative: str = "greater") -> float:
    """Return the p-value of Student's one-sample t test; NaN for fewer than two differences.

    Args:
        differences: (n,) of paired runs.
        null: The mean under the hypothesis.
        alternative: ``greater`` or ``less``: what the test is to show.
    """
    values = np.asarray(differences, dtype=float)
    if values.size < 2 or not np.isfinite(values).all():
        return math.nan
    if values.std() == 0:  # no spread: the mean is known exactly, and the t statistic is infinite or undefined
        beyond = values[0] > null if alternative == "greater" else values[0] < null
        return 0.0 if beyond else 1.0
    return float(stats.ttest_1samp(values, null, alternative=alternative).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for several comparisons (Holm 1979), controlling the family-wise error.

    The comparisons that have no p-value (NaN) are not counted and stay NaN.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [math.nan] * len(p_values)
    known = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    highest = 0.0
    for rank, (p, place) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        adjusted[place] = highest
    return adjusted


def hierarchical_bootstrap(
    differences: Sequence[ArrayLike], *, generator: np.random.Generator, draws: int = DRAWS, level: float = LEVEL
) -> Estimate:
    """Return the mean difference with a percentile interval over seeds and users.

    Each draw takes as many seeds as there are, with replacement, and within each of them as many users, with
    replacement (Davison and Hinkley 1997, section 3.8).

    Args:
        differences: For each seed, (U,) the differences of that pair of runs, user by user.
        generator: Source of the draws.
        draws: Number of bootstrap samples.
        level: Coverage of the interval.

    Raises:
        ValueError: There is no seed, or a seed without users.
    """
    by_seed = [np.asarray(values, dtype=float) for values in differences]
    if not by_seed or min(map(len, by_seed)) == 0:
        raise ValueError("a bootstrap over seeds and users needs at least one seed, and users for each")
    mean = float(np.mean([values.mean() for values in by_seed]))
    if not math.isfinite(mean) or len(by_seed) < 2:
        return Estimate(mean, math.nan, math.nan, len(by_seed))
    # A sample of users is a count for each of the few values that a difference takes: the same distribution, at once.
    distinct = [np.unique(values, return_counts=True) for values in by_seed]
    samples = np.zeros(draws)
    for taken in generator.integers(len(by_seed), size=(len(by_seed), draws)):
        for seed, (values, counts) in enumerate(distinct):
            mine = taken == seed
            users = counts.sum()
            samples[mine] += generator.multinomial(users, counts / users, size=mine.sum()) @ values / users
    samples /= len(by_seed)
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(mean, float(low), float(high), len(by_seed))


def kendall(first: ArrayLike, second: ArrayLike) -> float:
    """Return Kendall's τ_b of two measures of the same runs; NaN where one of them is constant or not finite."""
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    return float(_kendall_of_samples(x, y, np.ones((1, len(x))))[0])


def kendall_within(first: ArrayLike, second: ArrayLike, groups: Sequence[str]) -> float:
    """Return the mean of Kendall's τ_b within groups of runs: granulated as in Jiang et al. (2020, section 3).

    Groups in which τ is undefined are left out; NaN where no group is left.
    """
    x, y, names = np.asarray(first, dtype=float), np.asarray(second, dtype=float), np.asarray(groups)
    return float(_defined_mean([kendall(x[names == name], y[names == name]) for name in dict.fromkeys(groups)], 0))


def kendall_interval(
    first: ArrayLike,
    second: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    generator: np.random.Generator,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> Estimate:
    """Return Kendall's τ_b with a percentile bootstrap interval over runs.

    Args:
        first: (n,) one measure of each run.
        second: (n,) another one.
        groups: (n,) what each run belongs to; then τ is the mean within groups, and runs are drawn within groups.
        generator: Source of the draws.
        draws: Number of bootstrap samples.
        level: Coverage of the interval.
    """
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    names = np.asarray(groups if groups is not None else ["all"] * len(x))
    statistic = kendall_within(x, y, list(names))
    by_group = []
    for name in dict.fromkeys(names.tolist()):
        members = names == name
        size = int(members.sum())
        counts = generator.multinomial(size, np.full(size, 1 / size), size=draws)
        by_group.append(_kendall_of_samples(x[members], y[members], counts))
    samples = _defined_mean(by_group, 0)
    samples = samples[np.isfinite(samples)]
    if math.isnan(statistic) or len(samples) < draws / 2:
        return Estimate(statistic, math.nan, math.nan, len(x))
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(statistic, float(low), float(high), len(x))


def _kendall_of_samples(x: Floats, y: Floats, counts: NDArray[Any]) -> Floats:
    """Return (draws,) τ_b of samples in which each run occurs ``counts`` (draws, n) times.

    τ_b = Σ sᵢⱼ tᵢⱼ / √(Σ sᵢⱼ² Σ tᵢⱼ²) over all pairs, with s and t the signs of the differences (Kendall 1945): of a
    sample, each sum is a quadratic form in the counts.
    """
    if len(x) == 0 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return np.full(len(counts), math.nan)
    s, t = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    concordant, untied_x, untied_y = (
        ((counts @ matrix) * counts).sum(1).astype(np.float64) for matrix in (s * t, abs(s), abs(t))
    )
    with np.errstate(invalid="ignore"):
        tau: Floats = concordant / np.sqrt(untied_x * untied_y)  # 0 / 0 where one is constant
    return tau


def _defined_mean(values: Sequence[Any], axis: int) -> Floats:
    """Return the mean without NaN; NaN where there is nothing else."""
    stacked = np.asarray(values, dtype=float)
    defined = ~np.isnan(stacked)
    with np.errstate(invalid="ignore"):
        mean: Floats = np.where(defined, stacked, 0).sum(axis) / defined.sum(axis)
    return mean
