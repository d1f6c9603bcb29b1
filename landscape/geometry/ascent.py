"""The largest rise of a loss in a ball, by projected gradient ascent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from landscape.linalg.vectors import dot, norm
from landscape.objectives.objective import Objective

WEIGHT_FLOOR = 0.01  # η, as in training: with it, weights near 0 move as well


@dataclass(frozen=True)
class Rise:
    """A rise of the loss, and how it was computed."""

    value: float
    evaluations: int
    stderr: float = math.nan
    steps: int = 0
    last_gain: float = math.nan
    gap: float = math.nan


def ascend(
    objective: Objective[Any],
    loss: float,
    gradient: Tensor,
    scale: Tensor,
    *,
    rho: float,
    steps: int,
    seed: int,
    count: Callable[[int], None],
) -> tuple[Rise, Rise]:
    """Ascend u -> L(θ + T u) over ‖u‖ ≤ ρ from u = 0; see ``sharpness`` for the steps.

    Args:
        objective: The loss.
        loss: L(θ).
        gradient: ∇L(θ) (n,).
        scale: The diagonal (n,) of T.
        rho: ρ.
        steps: The most steps.
        seed: Of the random direction in which the ascent starts where the gradient is zero.
        count: Called with the number of new evaluations.

    Returns:
        The rise after the first step, and the largest rise.
    """
    generator = torch.Generator().manual_seed(seed)
    u, slope = torch.zeros_like(gradient), scale * gradient
    highest, gain, length, taken = 0.0, math.nan, rho, 0
    if not (math.isfinite(loss) and slope.isfinite().all()):
        return Rise(math.nan, 1), Rise(math.nan, 1)
    first = Rise(0.0, 1, gap=0.0) if not slope.any() else None
    while taken < steps and slope.isfinite().all():
        heading = slope if slope.any() else objective.space.project(_normal(slope, generator))
        trial = _within(u + length * _scaled_unit(heading), rho)
        if norm(trial - u) <= 4 * torch.finfo(u.dtype).eps * rho:  # rounding: u is stationary
            gain = 0.0
            break
        value, gradient = objective.value_and_gradient(objective.params + scale * trial)
        count(1)
        rise, taken = value - loss, taken + 1
        trial_slope = scale * gradient
        first = first or Rise(rise, 2, steps=1, last_gain=max(rise, 0.0), gap=_gap(trial, trial_slope, rho))
        if not math.isfinite(rise):
            return first, Rise(rise, 1 + taken, steps=taken)
        gain = max(rise - highest, 0.0)
        if gain > 0:
            u, slope, highest, length = trial, trial_slope, rise, 2 * length
        else:
            length /= 4
    assert first is not None  # a slope that is not zero has been followed at least once
    return first, Rise(highest, 1 + taken, steps=taken, last_gain=gain, gap=_gap(u, slope, rho))


def adaptive_scale(objective: Objective[Any], eta: float = WEIGHT_FLOOR) -> Tensor:
    """Return the diagonal (n,) of ASAM's T: |θ| + η for parameters of two and more dimensions, 1 for the others."""
    scale = torch.ones_like(objective.params)
    values = objective.space.views(objective.params)
    for name, view in objective.space.views(scale).items():
        if view.ndim >= 2:
            view.copy_(values[name].abs() + eta)
    return scale


def _gap(u: Tensor, slope: Tensor, rho: float) -> float:
    """By how much the tangent at u is higher elsewhere in the ball: ρ‖s‖ - sᵀu."""
    return max(rho * norm(slope) - dot(slope, u), 0.0) if slope.isfinite().all() else math.nan


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(len(like), generator=generator, dtype=torch.float64).to(like)


def _scaled_unit(vector: Tensor) -> Tensor:
    # Scaled first: the squares of a small gradient are below the smallest float32.
    vector = vector / vector.abs().max()
    return vector / norm(vector)


def _within(vector: Tensor, radius: float) -> Tensor:
    """The nearest vector in the ball."""
    length = norm(vector)
    return vector * (radius / length) if length > radius else vector
