"""How much of the data an answer needs: a random part grows until the error is small enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from landscape.results.sample import SampleSize

SAFETY = 0.9  # of the precision, that the next size is to reach: what is predicted is itself an estimate
LEAST, MOST = 1.25, 5.0  # times as much is taken next: errors of small parts say little about those of large ones
NEARLY_ALL = 0.8  # of the data: then all are taken


class SamplingError(NamedTuple):
    """What taking a part of the data does to an answer, relative to its size."""

    stderr: float  # falls with the square root of 1/n - 1/N for n of N
    bias: float = 0.0  # falls with 1/n - 1/N


def grow(
    measure: Callable[[int], Mapping[str, SamplingError]],
    total: int,
    precision: float,
    *,
    first: int,
    unit: str = "users",
) -> SampleSize:
    """Take more and more until √(stderr² + bias²) of every quantity is at most ``precision``, or all are taken.

    The next size is where the errors of the present one are predicted to be SAFETY times the precision. Stopping
    when the estimated error is small favours errors that are estimated too small; few looks, and aiming below
    the precision, keep that small.

    Errors of 1/√n, of which 1 % was asked for, here without the correction for a finite population:

    >>> sample = grow(lambda n: {"mean": SamplingError(n**-0.5)}, 10**9, 0.01, first=100)
    >>> sample.sizes.tolist(), sample.reached
    ([100, 500, 2500, 12346], True)

    Args:
        measure: Returns the errors of the answer on the first n, by quantity; for all of the data, the errors as
            estimates for further data.
        total: How many there are.
        precision: The largest error.
        first: How many to begin with.
        unit: What is counted, for people.

    Raises:
        ValueError: The precision is not positive.
    """
    if not (math.isfinite(precision) and precision > 0):
        raise ValueError(f"precision={precision} must be a positive number, such as 0.01 for 1 %")
    sizes: list[int] = []
    measured: list[Mapping[str, SamplingError]] = []
    size = min(first, total)
    while True:
        sizes.append(size)
        measured.append(measure(size))
        ratios = [_ratio(error, precision) for error in measured[-1].values()]
        if size == total or all(_total(error) <= precision for error in measured[-1].values()):
            break
        # NaN: an error that is not known says nothing about the next size.
        ratio = min(ratios) if all(math.isfinite(ratio) for ratio in ratios) else 1 / MOST
        size = _next(size, total, ratio)
    names = tuple(measured[0])
    errors = np.array([[step[name].stderr for name in names] for step in measured])
    biases = np.array([[step[name].bias for name in names] for step in measured])
    return SampleSize(precision, total, np.array(sizes), errors, biases, names, unit)


def _total(error: SamplingError) -> float:
    return math.hypot(error.stderr, error.bias)


def _ratio(error: SamplingError, precision: float) -> float:
    """Return r such that stderr²·r + bias²·r² is the square of the precision, with the margin."""
    wanted, variance, square = (SAFETY * precision) ** 2, error.stderr**2, error.bias**2
    if variance == square == 0:
        return 1.0
    return 2 * wanted / (variance + math.sqrt(variance**2 + 4 * square * wanted))


def _next(size: int, total: int, ratio: float) -> int:
    """Return the size n' at which 1/n' - 1/N is ``ratio`` times that of n."""
    needed = 1 / ((1 / size - 1 / total) * ratio + 1 / total)
    following = math.ceil(min(max(needed, LEAST * size), MOST * size))
    return total if following >= NEARLY_ALL * total else following
