"""Slope and curvature of the loss along a direction, from values of the loss, with an error for each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.geometry.noise import NOISE_POINTS, SIGMAS, loss_noise, parameter_scale, power_of_two
from landscape.linalg.vectors import dot, norm
from landscape.objectives.directions import checked_direction
from landscape.objectives.objective import Objective
from landscape.processes import refuse_slices
from landscape.results import Check, Difference, Floats

PRODUCT_ROUNDING = 4.0  # machine epsilons of ‖g‖‖d‖ and ‖Hd‖‖d‖ by which gᵀd and dᵀHd may be off
REACH = 0.25  # of ‖θ‖: how far the widest differences reach
RESOLVED = 4.0  # times the allowance for noise: a larger truncation error is seen above the noise
FALL = 8.0  # by which halving the step divides it at least; for smooth functions, and small steps, it is 2⁶
HALVINGS = 48  # of a step, at most

# Central differences of these widths in h are combined to cancel their errors of h², or of h² and h⁴.
_WIDTHS = np.array([1, 2, 4, 8])
_ONCE = np.array([4, -1, 0, 0]) / 3
_TWICE = np.array([64, -20, 1, 0]) / 45
_TWICE_WIDER = np.array([0, 64, -20, 1]) / 45
_NODES = np.concatenate([-_WIDTHS[::-1], [0], _WIDTHS])


def central_difference(
    objective: Objective[Any], direction: Tensor | Floats, *, step: float | None = None
) -> Difference:
    """Compare f'(0) and f''(0) of f(t) = L(θ + t·d), computed from values of the loss, with gᵀd and dᵀHd.

    Central differences of steps h, 2h and 4h are extrapolated to h = 0 twice (L. F. Richardson, 1911), which leaves an
    error of O(h⁶). The stated error is the sum of two parts. The first estimates the truncation error: the distance
    of the second extrapolation from the first, or from those of steps twice and half as wide, whichever is farthest
    (of many steps, some pair agrees by chance). The second is ``SIGMAS`` times the rounding noise of the values,
    propagated (see ``loss_noise``). The step is halved, from the one whose differences reach ``REACH`` · ‖θ‖, until
    noise alone exceeds the smallest error so far, and each derivative takes the step with the smallest error.

    The check allows for that error and for the rounding of the products gᵀd and dᵀHd themselves, which is
    ``PRODUCT_ROUNDING`` machine epsilons of ‖g‖‖d‖ and ‖Hd‖‖d‖. Where the loss has a kink at θ, differences
    grow as the step shrinks, and where it has some nearby, they do not converge: the error is then infinite, and the
    check cannot tell.

    Args:
        objective: The loss.
        direction: d (n,); its inactive coordinates are ignored.
        step: h in units of d, to use this one alone; its error is then not compared with that of a smaller step.

    Raises:
        ValueError: The direction is zero or has another size, or the step is not a positive number.

    Example:
        >>> model = torch.nn.Linear(2, 1, bias=False).double()
        >>> objective = Objective(model, lambda model, batch: (3 * model.weight.square().sum(), 1), [None])
        >>> difference = central_difference(objective, torch.tensor([1.0, 0.0]))
        >>> difference.agrees, round(difference.curvature.expected, 6)
        (True, 6.0)
    """
    refuse_slices(objective.processes, "a check of derivatives")
    if step is not None and not (math.isfinite(step) and step > 0):
        raise ValueError(f"step={step} must be a positive number; None selects one")
    d = checked_direction(objective, direction, "the direction")
    gradient, image = objective.gradient(), objective.hvp(d)
    line = _Line(objective, d, gradient, image)
    if step is not None:
        slope, curvature = line.stencil(float(torch.tensor(step, dtype=d.dtype)))
    else:
        slope, curvature = _best(line, REACH / 8 * parameter_scale(objective) / norm(d))
    rounding = PRODUCT_ROUNDING * torch.finfo(d.dtype).eps * norm(d)
    return Difference(
        slope=Check("slope", dot(gradient, d), slope.value, slope.error + rounding * norm(gradient)),
        curvature=Check("curvature", dot(image, d), curvature.value, curvature.error + rounding * norm(image)),
        slope_step=slope.step,
        curvature_step=curvature.step,
        slope_error=slope.error,
        curvature_error=curvature.error,
        noise=line.noise,
        evaluations=len(line.values) + NOISE_POINTS,
    )


@dataclass(frozen=True)
class _Estimate:
    """A derivative from one stencil."""

    value: float
    truncation: float
    noise: float
    step: float

    @property
    def error(self) -> float:
        return self.truncation + SIGMAS * self.noise


def _weights(combined: Floats) -> tuple[Floats, Floats]:
    """The weights of the values at ``_NODES`` in h·f'(0) and h²·f''(0), both (9,)."""
    first, second = combined / (2 * _WIDTHS), combined / _WIDTHS**2
    return (
        np.concatenate([-first[::-1], [0], first]),
        np.concatenate([second[::-1], [-2 * second.sum()], second]),
    )


class _Line:
    """f(t) = L(θ + t·d), each value computed once, with the standard deviation of its rounding error."""

    def __init__(self, objective: Objective[Any], direction: Tensor, gradient: Tensor, image: Tensor) -> None:
        self.objective = objective
        self.direction, self.gradient, self.image = (v.double() for v in (direction, gradient, image))
        self.values: dict[float, float] = {}
        self.noises: dict[float, float] = {}
        self.noise = loss_noise(objective, direction)

    def at(self, points: Floats) -> tuple[Floats, Floats]:
        """The values at t (m,), and their noise (m,)."""
        new = [t for t in points.tolist() if t not in self.values]
        if new:
            values = self.objective.along(self.direction.to(self.objective.params)[None], np.array(new)[:, None])
            for t, value in zip(new, values.tolist(), strict=True):
                self.values[t], self.noises[t] = value, math.hypot(self.noise, self._rounding(t, value))
        return np.array([self.values[t] for t in points.tolist()]), np.array([self.noises[t] for t in points.tolist()])

    def _rounding(self, t: float, value: float) -> float:
        """The noise from rounding the loss and the parameters far from θ, where both may be larger."""
        unit = torch.finfo(self.objective.params.dtype).eps / 2
        moved = self.direction != 0  # the other parameters are not rounded anew
        theta = (self.objective.params.double() + t * self.direction) * moved
        from_parameters = norm((self.gradient + t * self.image) * theta) / math.sqrt(3)  # uniform within ±unit
        return unit * math.hypot(value, from_parameters)

    def stencil(self, step: float) -> tuple[_Estimate, _Estimate]:
        """f'(0) and f''(0) from the differences of step, 2·step and 4·step; those of 8·step are for the error."""
        values, noises = self.at(step * _NODES)
        once, twice, wider = (np.stack(_weights(combined)) for combined in (_ONCE, _TWICE, _TWICE_WIDER))  # (2, 9)
        scale = step ** np.array([1, 2])
        with np.errstate(invalid="ignore", over="ignore"):  # inf - inf
            derivatives = twice @ values / scale  # (2,) f' and f''
            truncation = np.maximum(
                np.abs(derivatives - once @ values / scale), np.abs(derivatives - wider @ values / scale)
            )
            noise = np.linalg.norm(twice * noises, axis=1) / scale
        slope, curvature = zip(derivatives.tolist(), truncation.tolist(), noise.tolist(), strict=True)
        return _Estimate(*slope, step), _Estimate(*curvature, step)


def _best(line: _Line, largest: float) -> tuple[_Estimate, _Estimate]:
    """The estimates of slope and curvature with the smallest errors, over steps from ``largest`` downwards."""
    series: tuple[list[_Estimate], list[_Estimate]] = [], []
    step = power_of_two(largest)
    coarser = line.stencil(step)
    for _ in range(HALVINGS):
        step /= 2
        finer = line.stencil(step)
        for estimates, old, new in zip(series, coarser, finer, strict=True):
            # np.maximum, because max(a, nan) is a: an estimate is not used if the next step is not finite.
            truncation = float(np.maximum(old.truncation, abs(new.value - old.value)))
            estimates.append(replace(old, truncation=truncation))
        if all(SIGMAS * new.noise > _smallest(estimates).error for new, estimates in zip(finer, series, strict=True)):
            break
        coarser = finer
    return _settled(series[0]), _settled(series[1])


def _smallest(estimates: list[_Estimate]) -> _Estimate:
    """The first estimate with the smallest error; one of infinite error where none is finite."""
    none = _Estimate(math.nan, math.inf, 0.0, math.nan)
    return min([none, *estimates], key=lambda estimate: estimate.error if math.isfinite(estimate.error) else math.inf)


def _settled(estimates: list[_Estimate]) -> _Estimate:
    """The best of estimates for steps that are halved, with an infinite error if halving them does not converge.

    Halving the step of a smooth function divides the truncation error by 2⁶, until the noise hides it. Where the
    function has kinks within the steps, as networks of ReLUs have everywhere, it stays far above the noise and does
    not fall: that two estimates agree is chance.
    """
    best = _smallest(estimates)
    if math.isnan(best.step):
        return best
    at = estimates.index(best)
    for old, new in pairwise(estimates[max(0, at - 2) : at + 2]):
        resolved = old.truncation > RESOLVED * SIGMAS * old.noise
        if resolved and not new.truncation <= max(old.truncation / FALL, RESOLVED * SIGMAS * new.noise):
            return replace(best, truncation=math.inf)
    return best
