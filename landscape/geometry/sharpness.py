"""Sharpness: how much higher the loss is at a given distance, at worst and on average."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.choices import one_of
from landscape.geometry.derivative_checks import NOISE_POINTS, loss_noise
from landscape.objectives.directions import random_direction
from landscape.objectives.objective import Objective
from landscape.results import Sharpness

KINDS = ("one-step", "ascent", "adaptive-one-step", "adaptive-ascent", "average")
WEIGHT_FLOOR = 0.01  # η, as in training: weights near 0 move too

Progress = Callable[[int, int], None]  # (evaluations done, evaluations needed at most)


def sharpness(
    objective: Objective[Any],
    rhos: Sequence[float] = (0.05, 0.1, 0.5),
    *,
    ascent_steps: int = 10,
    draws: int = 10,
    seed: int = 0,
    kinds: Sequence[str] = KINDS,
    eta: float = WEIGHT_FLOOR,
    eigenvalue: float | None = None,
    progress: Progress | None = None,
) -> Sharpness:
    """How much the loss rises around θ₀, in several senses and at several distances ρ.

    ``one-step``: L(θ + δ) - L(θ) with δ = ρ g/‖g‖, by which SAM stands in for the maximum over ‖δ‖₂ ≤ ρ (Foret et al.,
    ICLR 2021, Eq. 2). It is zero where g is, and may be negative where the step goes too far. At a minimum g is
    rounding, and so is the direction.

    ``ascent``: the largest rise that projected gradient ascent meets in the ball, θ itself and the one step among its
    points. Steps follow the normalised gradient. The first, from θ, has the length ρ; each goes on from the highest
    point so far and is twice as long as the last if that one rose, else a quarter. It ends early at a stationary
    point of the ball, and starts in a random direction where g is zero.

    ``adaptive-…``: the same two over ‖T⁻¹δ‖₂ ≤ ρ with T = |θ| + η (Kwon et al., ICML 2021, Eq. 4), so the step is
    ρ T²g/‖Tg‖. T is 1 for parameters of one dimension. With η = 0 a rescaling of weights that leaves the network's
    function as it is leaves this as it is, and with η > 0 nearly so; their ρ are not those of the plain ball.

    ``average``: E L(θ + δ) - L(θ) over Gaussian δ of standard deviation σ in each of the n coordinates that take part,
    with E‖δ‖ = σ √2 Γ((n+1)/2)/Γ(n/2) = ρ. Each draw is used with both signs, which cancels the gradient's term, and
    the error is that of the mean over such pairs. All ρ share the draws, so their errors go together. A draw depends on
    its seed and the parameters' names alone: models with the same parameters meet the same draws.

    Worst cases are lower bounds of the maximum; ``last_gain`` and ``gap`` tell whether the ascent had come to an end.

    Args:
        objective: The loss.
        rhos: Distances ρ.
        ascent_steps: The most steps of an ascent, each a gradient.
        draws: Random directions for the average, each two evaluations for every ρ.
        seed: From which the seeds of the draws follow; they are in the metadata.
        kinds: Which of ``KINDS``.
        eta: η of the adaptive kinds.
        eigenvalue: λmax, for λmax‖θ‖².
        progress: Called with (evaluations done, evaluations needed at most).

    Raises:
        ValueError: An argument is out of range, or no coordinate takes part.
    """
    kinds = tuple(dict.fromkeys(one_of(kind, KINDS, "kind") for kind in kinds))
    _check(objective, rhos, {"ascent_steps": ascent_steps, "draws": draws}, seed, eta)
    started = time.monotonic()
    loss, gradient = objective.value_and_gradient()
    seeds = [int(each) for each in np.random.SeedSequence(seed).generate_state(draws, np.uint64) >> np.uint64(1)]
    geometries = [prefix for prefix in ("", "adaptive-") if {f"{prefix}one-step", f"{prefix}ascent"} & {*kinds}]
    steps = {prefix: ascent_steps if f"{prefix}ascent" in kinds else 1 for prefix in geometries}
    averaged = "average" in kinds
    counter = _Counter(1 + NOISE_POINTS + len(rhos) * (sum(steps.values()) + 2 * draws * averaged) + averaged, progress)
    counter.add(1)
    noise = loss_noise(objective, _draw(objective, seeds[0]))
    counter.add(NOISE_POINTS)

    cells: dict[str, list[_Cell]] = {}
    for prefix in geometries:
        scale = adaptive_scale(objective, eta) if prefix else torch.ones_like(gradient)
        ascents = [_ascended(objective, loss, gradient, scale, rho, steps[prefix], seeds[0], counter) for rho in rhos]
        cells[f"{prefix}one-step"] = [first for first, _ in ascents]
        cells[f"{prefix}ascent"] = [last for _, last in ascents]
    if averaged:
        cells["average"] = _averaged(objective, rhos, seeds, noise, counter)

    table = [[cells[kind][r] for kind in kinds] for r in range(len(rhos))]
    return Sharpness(
        kinds=kinds,
        rhos=np.array(rhos, dtype=np.float64),
        values=np.array([[cell.value for cell in row] for row in table]),
        stderr=np.array([[cell.stderr for cell in row] for row in table]),
        evaluations=np.array([[cell.evaluations for cell in row] for row in table]),
        steps=np.array([[cell.steps for cell in row] for row in table]),
        last_gain=np.array([[cell.last_gain for cell in row] for row in table]),
        gap=np.array([[cell.gap for cell in row] for row in table]),
        loss=loss,
        noise=noise,
        gradient_norm=_norm(gradient),
        params_norm=_norm(objective.space.project(objective.params)),
        eigenvalue=math.nan if eigenvalue is None else eigenvalue,
        metadata={
            "seed": seed,
            "draw_seeds": seeds if averaged else [],
            "standard_deviations": [rho / mean_norm(objective.space.active) for rho in rhos] if averaged else [],
            "ascent_steps": ascent_steps,
            "ascent_step": "ρ at first; doubled after a rise, else quartered",
            "eta": eta,
            "evaluations": counter.done,
            "parameters": objective.space.size,
            "parameters_taking_part": objective.space.active,
            "device": str(objective.device),
            "torch": torch.__version__,
            "seconds": time.monotonic() - started,
        },
    )


def adaptive_scale(objective: Objective[Any], eta: float = WEIGHT_FLOOR) -> Tensor:
    """The diagonal (n,) of ASAM's T: |θ| + η for parameters of two and more dimensions, 1 for the others."""
    scale = torch.ones_like(objective.params)
    values = objective.space.views(objective.params)
    for name, view in objective.space.views(scale).items():
        if view.ndim >= 2:
            view.copy_(values[name].abs() + eta)
    return scale


def mean_norm(size: int) -> float:
    """E‖z‖₂ of a standard Gaussian z (size,): √2 Γ((n+1)/2)/Γ(n/2), near √(n - ½)."""
    return math.sqrt(2) * math.exp(math.lgamma((size + 1) / 2) - math.lgamma(size / 2))


@dataclass
class _Counter:
    """Evaluations as they are made."""

    most: int
    progress: Progress | None
    done: int = 0

    def add(self, count: int) -> None:
        self.done += count
        if self.progress is not None:
            self.progress(self.done, self.most)


@dataclass(frozen=True)
class _Cell:
    """One entry of the table."""

    value: float
    evaluations: int
    stderr: float = math.nan
    steps: int = 0
    last_gain: float = math.nan
    gap: float = math.nan


def _ascended(
    objective: Objective[Any],
    loss: float,
    gradient: Tensor,
    scale: Tensor,
    rho: float,
    steps: int,
    seed: int,
    counter: _Counter,
) -> tuple[_Cell, _Cell]:
    """The rise after the first step, and the largest one, of u -> L(θ + T u) over ‖u‖ ≤ ρ, from u = 0."""
    generator = torch.Generator().manual_seed(seed)
    u, slope = torch.zeros_like(gradient), scale * gradient
    highest, gain, length, taken = 0.0, math.nan, rho, 0
    if not (math.isfinite(loss) and slope.isfinite().all()):
        return _Cell(math.nan, 1), _Cell(math.nan, 1)
    first = _Cell(0.0, 1, gap=0.0) if not slope.any() else None
    while taken < steps and slope.isfinite().all():
        heading = slope if slope.any() else objective.space.project(_normal(slope, generator))
        trial = _within(u + length * _unit(heading), rho)
        if _norm(trial - u) <= 4 * torch.finfo(u.dtype).eps * rho:  # rounding: u is stationary
            gain = 0.0
            break
        value, gradient = objective.value_and_gradient(objective.params + scale * trial)
        counter.add(1)
        rise, taken = value - loss, taken + 1
        there = scale * gradient
        first = first or _Cell(rise, 2, steps=1, last_gain=max(rise, 0.0), gap=_gap(trial, there, rho))
        if not math.isfinite(rise):
            return first, _Cell(rise, 1 + taken, steps=taken)
        gain = max(rise - highest, 0.0)
        if gain > 0:
            u, slope, highest, length = trial, there, rise, 2 * length
        else:
            length /= 4
    assert first is not None  # a slope that is not zero has been followed at least once
    return first, _Cell(highest, 1 + taken, steps=taken, last_gain=gain, gap=_gap(u, slope, rho))


def _gap(u: Tensor, slope: Tensor, rho: float) -> float:
    """How much higher the tangent at u is elsewhere in the ball: ρ‖s‖ - sᵀu."""
    return max(rho * _norm(slope) - float(slope.double() @ u.double()), 0.0) if slope.isfinite().all() else math.nan


def _averaged(
    objective: Objective[Any], rhos: Sequence[float], seeds: Sequence[int], noise: float, counter: _Counter
) -> list[_Cell]:
    """The average rises, from pairs θ ± δ."""
    deviations = np.array(rhos) / mean_norm(objective.space.active)  # (R,) σ
    coefficients = np.concatenate([deviations, -deviations])[:, None]  # (2R, 1)
    centre = objective.value()
    counter.add(1)
    pairs = np.empty((len(seeds), len(rhos)))
    for draw, seed in enumerate(seeds):
        losses = objective.along(_draw(objective, seed)[None], coefficients)
        counter.add(len(losses))
        with np.errstate(invalid="ignore"):  # inf - inf
            pairs[draw] = losses.reshape(2, -1).mean(0) - centre
    with np.errstate(invalid="ignore"):
        means = pairs.mean(0)
        spreads = pairs.std(0, ddof=1) / math.sqrt(len(seeds)) if len(seeds) > 1 else np.full(len(rhos), math.nan)
    # All pairs share the rounding of the loss at the centre, which their spread cannot show.
    errors = np.hypot(spreads, noise)
    return [
        _Cell(float(mean), 1 + 2 * len(seeds), stderr=float(error)) for mean, error in zip(means, errors, strict=True)
    ]


def _draw(objective: Objective[Any], seed: int) -> Tensor:
    """A standard Gaussian vector (n,), zero at coordinates that take no part."""
    return random_direction(objective.space, objective.params, normalize="none", vectors="keep", seed=seed)


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(len(like), generator=generator, dtype=torch.float64).to(like)


def _norm(vector: Tensor) -> float:
    return float(torch.linalg.vector_norm(vector, dtype=torch.float64))


def _unit(vector: Tensor) -> Tensor:
    # Scaled first: the squares of a small gradient are below the smallest float32.
    vector = vector / vector.abs().max()
    return vector / _norm(vector)


def _within(vector: Tensor, radius: float) -> Tensor:
    """The nearest vector of the ball."""
    norm = _norm(vector)
    return vector * (radius / norm) if norm > radius else vector


def _check(objective: Objective[Any], rhos: Sequence[float], counts: dict[str, int], seed: int, eta: float) -> None:
    if not (len(rhos) and all(math.isfinite(rho) and rho > 0 for rho in rhos)):
        raise ValueError(f"rhos={tuple(rhos)} must be positive numbers, at least one")
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name}={count} must be at least 1; leave a kind out to spend nothing on it")
    if seed < 0:
        raise ValueError(f"seed={seed} must not be negative")
    if not (math.isfinite(eta) and eta >= 0):
        raise ValueError(f"eta={eta} must not be negative")
    if objective.space.active == 0:
        raise ValueError("no coordinate takes part; all rows are excluded")
