"""Self-checks of an analysis: derivatives against differences of the loss itself, within its rounding noise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.objectives.objective import REPEATABLE, Objective
from landscape.results import Check, CheckReport, Difference, Floats, Metadata

SIGMAS = 4.0  # standard deviations of rounding noise that an error allows for
PRODUCT_ROUNDING = 4.0  # machine epsilons of ‖g‖‖d‖ and ‖Hd‖‖d‖ by which gᵀd and dᵀHd may be off
NOISE_POINTS = 13  # evaluations from which the noise is estimated
NOISE_SPACING = 64.0  # machine epsilons of ‖θ‖ between them: enough to round each coordinate anew, no curvature yet
NOISE_ORDERS = (3, 4, 5, 6)  # differences of which no smooth part is left at that spacing
REACH = 0.25  # of ‖θ‖: how far the widest differences reach
UNSETTLED = 64.0  # times what is allowed for noise: a truncation that smaller steps did not reduce
HALVINGS = 48  # of a step, at most


def check_derivatives(objective: Objective[Any], directions: Mapping[str, Tensor | Floats]) -> CheckReport:
    """The loss against itself, evaluated twice and as it is differentiated, and its derivatives along directions.

    Args:
        objective: The loss.
        directions: (n,) by the name to report them under, such as ``gradient`` or ``first eigenvector``.

    Raises:
        ValueError: A direction is zero or has another size.
    """
    loss = objective.value()
    checks = [
        Check("loss, evaluated twice", loss, objective.value(), REPEATABLE * abs(loss)),
        Check("loss, as differentiated", loss, objective.value(differentiable=True), REPEATABLE * abs(loss)),
    ]
    metadata: Metadata = {"sigmas": SIGMAS}
    for name, direction in directions.items():
        difference = central_difference(objective, direction)
        for kind, check in (("slope", difference.slope), ("curvature", difference.curvature)):
            checks.append(Check(f"{kind} along {name}", check.expected, check.found, check.allowed))
        metadata[name] = {
            "slope_step": difference.slope_step,
            "curvature_step": difference.curvature_step,
            "noise": difference.noise,
            "evaluations": difference.evaluations,
        }
    return CheckReport(tuple(checks), metadata)


def central_difference(
    objective: Objective[Any], direction: Tensor | Floats, *, step: float | None = None
) -> Difference:
    """f'(0) and f''(0) of f(t) = L(θ + t·d) from values of the loss, against gᵀd and dᵀHd.

    Central differences of steps h, 2h and 4h are extrapolated to h = 0 twice (L. F. Richardson, 1911), which leaves an
    error of O(h⁶). The stated error has two parts: the truncation, for which stands how far the second extrapolation
    is from the first, or from those of steps twice and half as wide, whichever is farthest (of many steps, some pair
    agrees by chance), and ``SIGMAS`` times the rounding noise of the values, propagated (see ``loss_noise``). The step
    is halved, from the one whose differences reach ``REACH`` · ‖θ‖, until noise alone exceeds the smallest error so
    far, and each derivative takes the step with the smallest error.

    The check allows for that error and for the rounding of the products gᵀd and dᵀHd themselves, which is
    ``PRODUCT_ROUNDING`` machine epsilons of ‖g‖‖d‖ and ‖Hd‖‖d‖. Where the loss has a kink at θ, differences
    grow as the step shrinks: the error is then infinite, and the check does not agree.

    Args:
        objective: The loss.
        direction: d (n,); coordinates that take no part are left out.
        step: h in units of d, to use that one alone; there is no estimate of a smaller step to compare with, then.

    Raises:
        ValueError: The direction is zero or has another size, or the step is not a positive number.
    """
    if step is not None and not (math.isfinite(step) and step > 0):
        raise ValueError(f"step={step} must be a positive number; None chooses one")
    d = checked_direction(objective, direction, "the direction")
    gradient, image = objective.gradient(), objective.hvp(d)
    line = _Line(objective, d, gradient, image)
    if step is not None:
        stencils = [line.stencil(float(torch.tensor(step, dtype=d.dtype)))]
        slope, curvature = stencils[0]
    else:
        slope, curvature = _best(line, REACH / 8 * size_of(objective) / norm(d))
    rounding = PRODUCT_ROUNDING * torch.finfo(d.dtype).eps * norm(d)
    return Difference(
        slope=Check("slope", _dot(gradient, d), slope.value, slope.error + rounding * norm(gradient)),
        curvature=Check("curvature", _dot(image, d), curvature.value, curvature.error + rounding * norm(image)),
        slope_step=slope.step,
        curvature_step=curvature.step,
        slope_error=slope.error,
        curvature_error=curvature.error,
        noise=line.noise,
        evaluations=len(line.values) + NOISE_POINTS,
    )


def loss_noise(objective: Objective[Any], direction: Tensor | Floats) -> float:
    """The standard deviation of the loss's rounding errors near θ, as they vary along a direction.

    The k-th differences of values at closely and equally spaced points hold no smooth part, and their variance is
    that of one value times (2k)!/(k!)² (J. J. Moré and S. M. Wild, Estimating computational noise, SIAM J. Sci.
    Comput. 33, 2011). The largest of a few orders is taken, from ``NOISE_POINTS`` evaluations.

    Raises:
        ValueError: The direction is zero or has another size.
    """
    d = checked_direction(objective, direction, "the direction")
    spacing = _power_of_two(NOISE_SPACING * torch.finfo(d.dtype).eps * size_of(objective) / norm(d))
    offsets = np.arange(NOISE_POINTS, dtype=np.float64) - NOISE_POINTS // 2
    values = objective.along(d[None], spacing * offsets[:, None])  # (NOISE_POINTS,)
    if not np.isfinite(values).all():
        return math.nan
    variances = [
        math.factorial(order) ** 2 / math.factorial(2 * order) * float((np.diff(values, order) ** 2).mean())
        for order in NOISE_ORDERS
    ]
    return math.sqrt(max(variances))


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


# Central differences of these widths in h are combined to lose their errors of h², or of h² and h⁴.
_WIDTHS = np.array([1, 2, 4, 8])
_ONCE = np.array([4, -1, 0, 0]) / 3
_TWICE = np.array([64, -20, 1, 0]) / 45
_TWICE_WIDER = np.array([0, 64, -20, 1]) / 45
_NODES = np.concatenate([-_WIDTHS[::-1], [0], _WIDTHS])


def _weights(combined: Floats) -> tuple[Floats, Floats]:
    """What each value at ``_NODES`` counts in h·f'(0) and h²·f''(0), both (9,)."""
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
            found = self.objective.along(self.direction.to(self.objective.params)[None], np.array(new)[:, None])
            for t, value in zip(new, found.tolist(), strict=True):
                self.values[t], self.noises[t] = value, math.hypot(self.noise, self._rounding(t, value))
        return np.array([self.values[t] for t in points.tolist()]), np.array([self.noises[t] for t in points.tolist()])

    def _rounding(self, t: float, value: float) -> float:
        """What rounding the loss and the parameters adds far from θ, where both may be larger."""
        unit = torch.finfo(self.objective.params.dtype).eps / 2
        theta = (self.objective.params.double() + t * self.direction) * (self.direction != 0)  # the others stay
        from_parameters = norm((self.gradient + t * self.image) * theta) / math.sqrt(3)  # uniform within ±unit
        return unit * math.hypot(value, from_parameters)

    def stencil(self, step: float) -> tuple[_Estimate, _Estimate]:
        """f'(0) and f''(0) from the differences of step, 2·step and 4·step; those of 8·step are for the error."""
        values, noises = self.at(step * _NODES)
        once, twice, wider = (np.stack(_weights(combined)) for combined in (_ONCE, _TWICE, _TWICE_WIDER))  # (2, 9)
        scale = step ** np.array([1, 2])
        with np.errstate(invalid="ignore", over="ignore"):  # inf - inf
            found = twice @ values / scale  # (2,) f' and f''
            truncation = np.maximum(np.abs(found - once @ values / scale), np.abs(found - wider @ values / scale))
            noise = np.linalg.norm(twice * noises, axis=1) / scale
        slope, curvature = zip(found.tolist(), truncation.tolist(), noise.tolist(), strict=True)
        return _Estimate(*slope, step), _Estimate(*curvature, step)


def _best(line: _Line, largest: float) -> tuple[_Estimate, _Estimate]:
    """Of the estimates with ever smaller steps, those with the smallest errors."""
    best = [_Estimate(math.nan, math.inf, 0.0, math.nan)] * 2
    step = _power_of_two(largest)  # a step that float32 has exactly
    coarser = line.stencil(step)
    for _ in range(HALVINGS):
        step /= 2
        finer = line.stencil(step)
        for order, (old, new) in enumerate(zip(coarser, finer, strict=True)):
            judged = replace(old, truncation=max(old.truncation, abs(new.value - old.value)))
            best[order] = min(best[order], judged, key=lambda estimate: estimate.error)
        if all(SIGMAS * new.noise > chosen.error for new, chosen in zip(finer, best, strict=True)):
            break
        coarser = finer
    return _settled(best[0]), _settled(best[1])


def _settled(best: _Estimate) -> _Estimate:
    """The estimate, with an infinite error if ever smaller steps did not converge.

    Halving the step of a smooth function divides the truncation by 2⁶, so that the best step has one of the size of
    the noise. Far more than that does not fall.
    """
    return best if best.truncation <= UNSETTLED * SIGMAS * best.noise else replace(best, truncation=math.inf)


def checked_direction(objective: Objective[Any], direction: Tensor | Floats, what: str) -> Tensor:
    """The direction (n,) as the objective needs it, without the coordinates that take no part."""
    vector = torch.as_tensor(direction).detach().to(objective.params)
    if vector.shape != objective.params.shape:
        raise ValueError(f"{what} has shape {tuple(vector.shape)}; this objective needs ({objective.space.size},)")
    vector = objective.space.project(vector)
    if not (vector.any() and vector.isfinite().all()):
        raise ValueError(f"{what} is zero, or not finite, where coordinates take part; it must be neither")
    return vector


def size_of(objective: Objective[Any]) -> float:
    """‖θ‖ over the coordinates that take part, to measure steps by; 1 at the origin."""
    return norm(objective.space.project(objective.params)) or 1.0


def norm(vector: Tensor) -> float:
    """‖v‖₂, summed in float64."""
    return float(torch.linalg.vector_norm(vector, dtype=torch.float64))


def _dot(u: Tensor, v: Tensor) -> float:
    return float(u.double() @ v.double())


def _power_of_two(value: float) -> float:
    return 2.0 ** round(math.log2(value))
