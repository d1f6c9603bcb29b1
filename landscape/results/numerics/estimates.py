"""Numbers that are estimated: their confidence intervals, and how they behave as numbers."""

from __future__ import annotations

import math
from typing import TypeVar

from landscape.results.numerics.arrays import Floats

LEVEL = 0.95  # of confidence intervals, by default

Error = TypeVar("Error", float, Floats)


def student_half_width(stderr: Error, samples: int, level: float = LEVEL) -> Error:
    """Return half the width of the confidence interval of a mean, by Student's t.

    With t for ``samples`` - 1 degrees of freedom, mean ± half holds the true value in the share ``level`` of cases if
    the samples are independent and normal. From three samples the interval of 95 % is 4.3 standard errors to either
    side, not 1.96.

    >>> round(student_half_width(1.0, 3), 2), round(student_half_width(1.0, 1000), 2)
    (4.3, 1.96)

    Args:
        stderr: The standard error of the mean, or several (…).
        samples: How many independent values it was computed from.
        level: Of the interval.

    Returns:
        The shape of ``stderr``; NaN for fewer than two samples, whose spread is unknown.

    Raises:
        ValueError: The level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level} must lie between 0 and 1; 0.95 is an interval of 95 %")
    if samples < 2:
        return stderr * math.nan
    from scipy.stats import t  # not at the top: it takes longer to load than all results

    return stderr * float(t.ppf((1 + level) / 2, samples - 1))


class SingleNumber:
    """A result that is one number with what belongs to it: ``float`` and format strings take that number."""

    def __float__(self) -> float:
        raise NotImplementedError

    def __format__(self, specification: str) -> str:
        return format(float(self), specification) if specification else str(self)
