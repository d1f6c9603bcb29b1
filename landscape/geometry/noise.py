"""The rounding noise of a loss, from closely spaced values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.linalg.vectors import norm
from landscape.objectives.directions import checked_direction
from landscape.objectives.objective import Objective
from landscape.processes import refuse_slices
from landscape.results import Floats

SIGMAS = 4.0  # standard deviations of rounding noise that an error allows for
NOISE_POINTS = 13  # evaluations from which the noise is estimated
NOISE_SPACING = 64.0  # machine epsilons of ‖θ‖ between them: each coordinate is rounded anew, and no curvature shows
NOISE_ORDERS = (3, 4, 5, 6)  # of differences that contain no smooth part at that spacing


def loss_noise(objective: Objective[Any], direction: Tensor | Floats) -> float:
    """Estimate the standard deviation of the loss's rounding errors near θ, along a direction (n,).

    The k-th differences of values at closely and equally spaced points contain no smooth part, and their variance is
    that of one value times (2k)!/(k!)² (J. J. Moré and S. M. Wild, Estimating computational noise, SIAM J. Sci.
    Comput. 33, 2011). The result is the largest of a few orders, from ``NOISE_POINTS`` evaluations; NaN where the
    loss is not finite.

    Raises:
        ValueError: The direction is zero or has another size.
    """
    refuse_slices(objective.processes, "an estimate of the loss's noise")
    d = checked_direction(objective, direction, "the direction")
    spacing = power_of_two(NOISE_SPACING * torch.finfo(d.dtype).eps * parameter_scale(objective) / norm(d))
    offsets = np.arange(NOISE_POINTS, dtype=np.float64) - NOISE_POINTS // 2
    values = objective.along(d[None], spacing * offsets[:, None])  # (NOISE_POINTS,)
    if not np.isfinite(values).all():
        return math.nan
    variances = [
        math.factorial(order) ** 2 / math.factorial(2 * order) * float((np.diff(values, order) ** 2).mean())
        for order in NOISE_ORDERS
    ]
    return math.sqrt(max(variances))


def parameter_scale(objective: Objective[Any]) -> float:
    """Return ‖θ‖ over the active coordinates, the unit of steps; 1 at the origin."""
    return norm(objective.space.project(objective.params)) or 1.0


def power_of_two(value: float) -> float:
    """Return the nearest power of two, which float32 represents exactly.

    >>> power_of_two(0.3)
    0.25
    """
    return 2.0 ** round(math.log2(value))
