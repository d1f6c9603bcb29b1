"""The error of a loss measured on part of the data, as an estimate of the loss on all of it."""

from __future__ import annotations

import math

import numpy as np

from landscape.results import Floats


def jackknife_error(sums: Floats, counts: Floats, weights: Floats, population: float | None = None) -> float:
    """Return the standard error of Σ_p w_p · (Σ_g sum_gp) / (Σ_g count_gp) over random groups g.

    The delete-a-group jackknife (K. Wolter, Introduction to Variance Estimation, 2nd ed. 2007, ch. 4): each group is
    left out once, and the spread of the ratios gives their error. Terms within a group may be correlated, groups must
    not be.

    For equal groups it is the standard error of a mean, here √(1/3):

    >>> ones = np.ones((3, 1))
    >>> round(jackknife_error(np.array([[1.0], [2.0], [3.0]]), ones, np.ones(1)), 4)
    0.5774

    Args:
        sums: (G, P) sums of the terms by group and part.
        counts: (G, P) numbers of terms.
        weights: (P,) of the parts.
        population: The number of groups of this size altogether, for the finite-population correction
            1 - G / population; None for no limit.

    Returns:
        NaN with one group (0 if it is the whole population).

    Raises:
        ValueError: The population is smaller than the sample.
    """
    groups = len(sums)
    if population is not None and not population >= groups:
        raise ValueError(f"population={population} is smaller than the {groups} batches drawn from it")
    correction = 1 - groups / population if population is not None else 1.0
    if groups < 2:
        return 0.0 if correction == 0 else float("nan")
    used = weights != 0
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = (sums.sum(0) - sums) / (counts.sum(0) - counts)  # (G, P) without each group in turn
        without = ratios[:, used] @ weights[used]  # (G,)
        variance = correction * (groups - 1) / groups * float(((without - without.mean()) ** 2).sum())
    return math.sqrt(variance)
