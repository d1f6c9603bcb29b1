"""Sharpness: by how much the loss is higher at a given distance, at worst and on average."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.choices import one_of
from landscape.geometry.ascent import WEIGHT_FLOOR, Rise, adaptive_scale, ascend
from landscape.geometry.noise import NOISE_POINTS, loss_noise
from landscape.linalg.vectors import norm
from landscape.objectives.directions import random_direction
from landscape.objectives.objective import Objective, check_loss
from landscape.processes import refuse_slices
from landscape.progress import Progress, silent
from landscape.provenance import run_metadata
from landscape.results import Sharpness

KINDS = ("one-step", "ascent", "adaptive-one-step", "adaptive-ascent", "average")


def sharpness(
    objective: Objective[Any],
    rhos: Sequence[float] | float = (0.05, 0.1, 0.5),
    *,
    ascent_steps: int = 10,
    draws: int = 10,
    seed: int = 0,
    kinds: Sequence[str] = KINDS,
    eta: float = WEIGHT_FLOOR,
    eigenvalue: float | None = None,
    progress: Progress = silent,
) -> Sharpness:
    """Measure by how much the loss rises around θ₀, in several senses and at several distances ρ.

    ``one-step``: L(θ + δ) - L(θ) with δ = ρ g/‖g‖, which SAM uses for the maximum over ‖δ‖₂ ≤ ρ (Foret et al.,
    ICLR 2021, Eq. 2). It is zero where g is, and may be negative where the step goes too far. At a minimum g is
    rounding error, and so is the direction.

    ``ascent``: the largest rise that projected gradient ascent meets in the ball, with θ itself and the one step among
    its points. Steps follow the normalised gradient. The first, from θ, has the length ρ; each starts at the highest
    point so far and is twice as long as the last if that one rose, else a quarter. It ends early at a stationary
    point of the ball, and starts in a random direction where g is zero.

    ``adaptive-…``: the same two over ‖T⁻¹δ‖₂ ≤ ρ with T = |θ| + η (Kwon et al., ICML 2021, Eq. 4), so the step is
    ρ T²g/‖Tg‖. T is 1 for parameters of one dimension. With η = 0 the result does not change when weights are rescaled
    so that the network's function stays the same, and with η > 0 it hardly does. Their ρ are not comparable with those
    of the plain ball.

    ``average``: E L(θ + δ) - L(θ) over Gaussian δ of standard deviation σ in each of the n active coordinates, with
    E‖δ‖ = σ √2 Γ((n+1)/2)/Γ(n/2) = ρ. Each draw is used with both signs, which cancels the gradient's term, and the
    error is that of the mean over such pairs. All ρ share the draws, so their errors are correlated. A draw depends
    only on its seed and the parameters' names: models with the same parameters get the same draws.

    Worst cases are lower bounds of the maximum; ``last_gain`` and ``gap`` show whether the ascent had converged.

    Args:
        objective: The loss.
        rhos: Distances ρ, or one.
        ascent_steps: The most steps of an ascent, each a gradient.
        draws: Random directions for the average, each two evaluations for every ρ.
        seed: The seeds of the draws follow from it; they are in the metadata.
        kinds: Which of ``KINDS``.
        eta: η of the adaptive kinds.
        eigenvalue: λmax, for λmax‖θ‖².
        progress: Called with (evaluations done, evaluations needed at most, text).

    Raises:
        ValueError: An argument is out of range, or no coordinate is active.

    Example:
        For L = ½λ‖θ‖² one step rises by λρ‖θ‖ + ½λρ². Here λ = 2 and ‖θ‖ = 2:

        >>> model = torch.nn.Linear(4, 1, bias=False).double()
        >>> _ = torch.nn.init.ones_(model.weight)
        >>> objective = Objective(model, lambda model, batch: (model.weight.square().sum(), 1), [None])
        >>> sharpness(objective, [0.5], kinds=["one-step"]).values
        array([[2.25]])
    """
    refuse_slices(objective.processes, "the sharpness")
    distances: list[float] = np.atleast_1d(np.asarray(rhos, dtype=np.float64)).tolist()
    kinds = tuple(dict.fromkeys(one_of(kind, KINDS, "kind") for kind in kinds))
    _check(objective, distances, {"ascent_steps": ascent_steps, "draws": draws}, seed, eta)
    started = time.monotonic()
    check_loss(objective.value(), objective)
    loss, gradient = objective.value_and_gradient()
    check_loss(loss)
    seeds = [int(state) for state in np.random.SeedSequence(seed).generate_state(draws, np.uint64) >> np.uint64(1)]
    steps = {  # of an ascent, by prefix of the kinds that need one
        prefix: ascent_steps if f"{prefix}ascent" in kinds else 1
        for prefix in ("", "adaptive-")
        if {f"{prefix}one-step", f"{prefix}ascent"} & {*kinds}
    }
    averaged = "average" in kinds
    most = 1 + NOISE_POINTS + len(distances) * (sum(steps.values()) + 2 * draws * averaged) + averaged
    counter = _Counter(most, progress)
    counter.add(1)
    noise = loss_noise(objective, _draw(objective, seeds[0]))
    counter.add(NOISE_POINTS)
    rises = _worst_cases(objective, loss, gradient, distances, steps, eta=eta, seed=seeds[0], counter=counter)
    if averaged:
        rises["average"] = _average(objective, distances, seeds, noise, counter)
    return Sharpness(
        kinds=kinds,
        rhos=np.array(distances, dtype=np.float64),
        **_tables(rises, kinds),
        loss=loss,
        noise=noise,
        gradient_norm=norm(gradient),
        params_norm=norm(objective.space.project(objective.params)),
        eigenvalue=math.nan if eigenvalue is None else eigenvalue,
        metadata={
            "seed": seed,
            "draw_seeds": seeds if averaged else [],
            "standard_deviations": [rho / mean_norm(objective.space.active) for rho in distances] if averaged else [],
            "ascent_steps": ascent_steps,
            "ascent_step": "ρ at first; doubled after a rise, else quartered",
            "eta": eta,
            "evaluations": counter.done,
            **run_metadata(objective, started),
        },
    )


def mean_norm(size: int) -> float:
    """Return E‖z‖₂ of a standard Gaussian z (size,): √2 Γ((n+1)/2)/Γ(n/2), near √(n - ½).

    >>> round(mean_norm(2) ** 2, 6) == round(math.pi / 2, 6)
    True
    """
    return math.sqrt(2) * math.exp(math.lgamma((size + 1) / 2) - math.lgamma(size / 2))


@dataclass
class _Counter:
    """The number of evaluations done, with a report after each change."""

    most: int
    progress: Progress
    done: int = 0

    def add(self, count: int) -> None:
        self.done += count
        self.progress(self.done, self.most, "evaluations for the sharpness")


def _tables(rises: dict[str, list[Rise]], kinds: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """The fields of the rises (R, K), by distance and kind."""

    def table(field: Callable[[Rise], float]) -> NDArray[Any]:
        return np.array([[field(rise) for rise in row] for row in zip(*(rises[kind] for kind in kinds), strict=True)])

    return {
        "values": table(lambda rise: rise.value),
        "stderr": table(lambda rise: rise.stderr),
        "evaluations": table(lambda rise: rise.evaluations),
        "steps": table(lambda rise: rise.steps),
        "last_gain": table(lambda rise: rise.last_gain),
        "gap": table(lambda rise: rise.gap),
    }


def _worst_cases(
    objective: Objective[Any],
    loss: float,
    gradient: Tensor,
    rhos: Sequence[float],
    steps: dict[str, int],
    *,
    eta: float,
    seed: int,
    counter: _Counter,
) -> dict[str, list[Rise]]:
    """The rises (R,) by kind; ``steps`` are those of an ascent, by prefix of the kinds."""
    rises = {}
    for prefix, count in steps.items():
        scale = adaptive_scale(objective, eta) if prefix else torch.ones_like(gradient)
        ascents = [
            ascend(objective, loss, gradient, scale, rho=rho, steps=count, seed=seed, count=counter.add) for rho in rhos
        ]
        rises[f"{prefix}one-step"] = [first for first, _ in ascents]
        rises[f"{prefix}ascent"] = [highest for _, highest in ascents]
    return rises


def _average(
    objective: Objective[Any], rhos: Sequence[float], seeds: Sequence[int], noise: float, counter: _Counter
) -> list[Rise]:
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
    # All pairs share the rounding error of the loss at the centre, which their spread does not show.
    errors = np.hypot(spreads, noise)
    return [
        Rise(float(mean), 1 + 2 * len(seeds), stderr=float(error)) for mean, error in zip(means, errors, strict=True)
    ]


def _draw(objective: Objective[Any], seed: int) -> Tensor:
    """A standard Gaussian vector (n,), zero at inactive coordinates."""
    return random_direction(objective.space, objective.params, normalize="none", vectors="keep", seed=seed)


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
        raise ValueError("no coordinate is active; all rows are excluded")
