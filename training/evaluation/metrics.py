"""Ranking metrics from ranks, with their uncertainty over users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.training.evaluation.ranking import Ranks

CUTOFFS = (5, 10, 20)

Values = NDArray[np.float64]


def hit(ranks: Ranks, k: int) -> Values:
    """Hit ratio: whether the target is among the first k, by user."""
    return np.where(np.isnan(ranks), np.nan, ranks < k)


def ndcg(ranks: Ranks, k: int) -> Values:
    """Normalised discounted cumulative gain of a single relevant item, by user: 1/log₂(rank + 2) within the first k."""
    return np.where(np.isnan(ranks), np.nan, np.where(ranks < k, 1 / np.log2(ranks + 2), 0.0))


def reciprocal(ranks: Ranks, k: int = 0) -> Values:
    """Reciprocal rank, by user, over all items."""
    return 1 / (ranks + 1)


METRICS: dict[str, tuple[Callable[[Ranks, int], Values], int]] = {
    **{f"HR@{k}": (hit, k) for k in CUTOFFS},
    **{f"NDCG@{k}": (ndcg, k) for k in CUTOFFS},
    "MRR": (reciprocal, 0),
}


def by_user(ranks: Ranks, metric: str) -> Values:
    """(U,) the metric of each user; NaN where the rank is NaN."""
    function, k = METRICS[metric]
    return function(ranks, k)


def summarise(ranks: Ranks) -> dict[str, float]:
    """The mean of every metric over users; NaN as soon as one rank is NaN: a broken model has no score."""
    return {name: float(by_user(ranks, name).mean()) for name in METRICS}


def standard_errors(ranks: Ranks) -> dict[str, float]:
    """The standard error of every mean, users taken as drawn independently."""
    return {name: float(by_user(ranks, name).std(ddof=1) / np.sqrt(len(ranks))) for name in METRICS}


@dataclass(frozen=True)
class Difference:
    """A paired difference of means over the same users, with a bootstrap interval over users."""

    mean: float
    low: float  # of the 95 % interval
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"


def paired_difference(
    first: Ranks, second: Ranks, metric: str, *, generator: np.random.Generator, draws: int = 2000
) -> Difference:
    """How much higher ``second`` is than ``first``, with the 95 % percentile interval of the bootstrap over users.

    Raises:
        ValueError: The two are not ranks of the same users.
    """
    if len(first) != len(second):
        raise ValueError(f"paired differences need the same users; got {len(first)} and {len(second)}")
    gains = by_user(second, metric) - by_user(first, metric)
    if not np.isfinite(gains).all():
        return Difference(float("nan"), float("nan"), float("nan"))
    # Most users gain exactly nothing; a bootstrap draw of the sum is a multinomial over the distinct gains.
    distinct, counts = np.unique(gains, return_counts=True)
    sums = generator.multinomial(len(gains), counts / len(gains), size=draws) @ distinct
    low, high = np.quantile(sums / len(gains), [0.025, 0.975])
    return Difference(float(gains.mean()), float(low), float(high))
