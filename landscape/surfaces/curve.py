"""A curve of low loss between two points: a Bézier curve whose bend is trained (Garipov et al., NeurIPS 2018)."""

from __future__ import annotations

import math
import time
import warnings
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from landscape.linalg.vectors import norm
from landscape.objectives.autograd import derivative
from landscape.objectives.loss_terms import weighted_sum
from landscape.objectives.objective import Objective
from landscape.progress import Progress, silent
from landscape.provenance import run_metadata
from landscape.results.curve import LowLossCurve
from landscape.surfaces.barrier import POINTS, active_point, path_loss
from landscape.surfaces.planes import Plane, plane_through

STEPS = 500
RATE = 0.05
START = 0.01  # how far the bend begins beside the middle, as a share of the distance between the ends
NODES = 64  # of the quadrature for the length


def bezier(start: Tensor, bend: Tensor, end: Tensor, t: float) -> Tensor:
    """Return (1 − t)²·start + 2t(1 − t)·bend + t²·end (n,).

    >>> bezier(torch.zeros(2), torch.tensor([1.0, 4.0]), torch.tensor([2.0, 0.0]), 0.5)
    tensor([1., 2.])
    """
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end


def low_loss_curve(
    objective: Objective[Any],
    start: Tensor,
    end: Tensor,
    *,
    steps: int = STEPS,
    rate: float = RATE,
    points: int = POINTS,
    seed: int = 0,
    names: tuple[str, str] = ("start", "end"),
    population: float | None = None,
    progress: Progress = silent,
) -> LowLossCurve:
    """Train the bend of a quadratic Bézier curve so that the loss is low along it; measure it and the straight path.

    The mean of the loss over t, uniform on [0, 1], is minimised (Garipov et al. 2018, equation 2) by Adam: each step
    takes one t and one batch of the objective, all batches in turn in a random order. Other than there, the bend begins
    a little beside the middle of the straight path, in a random direction: from the middle itself, a symmetric loss
    would never move it. The step falls linearly to 0. The loss is evaluated as the objective has it: without dropout
    unless it has a ``training_mode_seed``, and with the batch-norm statistics of its model everywhere, which a warning
    says. Both paths are then evaluated on all batches.

    Args:
        objective: The loss. At inactive coordinates its own parameters stay everywhere.
        start: (n,) where t = 0.
        end: (n,) where t = 1.
        steps: Of Adam.
        rate: Adam's first step, as a share of the root mean square of the ends' difference over the coordinates.
        points: On each path at which the loss is evaluated.
        seed: Of t, of the order of batches, and of the first bend.
        names: Of the ends.
        population: The number of batches that all data would make; see ``Objective.standard_error``.
        progress: Called with (steps done, steps, text), then with (points done, points, text).

    Raises:
        ValueError: An argument is out of range, the ends are the same point, or the loss or its gradient is not finite.

    Example:
        Between the minima (−1, 0) and (1, 0) of (x² + y² − 1)² the straight path has a barrier of 1; a circle has none,
        and the curve comes near to it:

        >>> model = torch.nn.Linear(2, 1, bias=False).double()
        >>> loss = lambda model, batch: ((model.weight.square().sum() - 1) ** 2, 1)
        >>> ends = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
        >>> curve = low_loss_curve(Objective(model, loss, [None]), *ends)
        >>> curve.straight.barrier.height, curve.curved.barrier.height < 0.06
        (1.0, True)
    """
    if steps < 1 or not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"steps={steps} must be at least 1, and rate={rate} a positive number")
    started = time.monotonic()
    start, end = (active_point(objective, point) for point in (start, end))
    distance = norm(end - start)
    if not 0 < distance < math.inf:
        raise ValueError(f"{names[0]} and {names[1]} are {distance:g} apart: no curve leads from one to the other")
    _warn_of_batch_norm(objective)
    bend = _trained_bend(
        objective, start, end, steps, rate * distance / math.sqrt(objective.space.active), seed, progress
    )
    paths = {"straight": partial(torch.lerp, start, end), "curved": partial(bezier, start, bend, end)}
    measured = {
        name: path_loss(
            objective, path, points=points, population=population, progress=progress, text=f"points of the {name} path"
        )
        for name, path in paths.items()
    }
    training = {"steps": steps, "rate": rate, "seed": seed, "start": START}
    return LowLossCurve(
        **measured,
        distance=distance,
        length=_length(start, bend, end),
        names=names,
        bend=bend.double().cpu().numpy(),
        metadata={"training": training, **run_metadata(objective, started)},
    )


def curve_plane(curve: LowLossCurve, start: Tensor, end: Tensor) -> Plane:
    """Return the plane of a curve: its start at (0, 0), its end at (1, 0), its bend at (0, 1).

    Raises:
        ValueError: The curve has no bend, since it was read from a file, or is straight.
    """
    if curve.bend is None:
        raise ValueError("this curve was stored without its bend; compute it anew")
    return plane_through(start, [end, torch.from_numpy(curve.bend).to(start)], [*curve.names, "bend"])


def _trained_bend(
    objective: Objective[Any], start: Tensor, end: Tensor, steps: int, rate: float, seed: int, progress: Progress
) -> Tensor:
    """The bend (n,) after the training."""
    objective.require_gradient()
    scales, own = objective.scales, len(objective.batches)
    draws, orders = (torch.Generator().manual_seed(2 * seed + place) for place in (0, 1))
    beside = objective.space.project(torch.randn(len(start), generator=draws).to(start))
    bend = (start + end) / 2 + START * norm(end - start) / max(norm(beside), 1e-30) * beside
    optimiser = torch.optim.Adam([bend], lr=rate)
    order: list[int] = []
    for step in range(steps):
        progress(step, steps, "steps of the curve")
        order = order or torch.randperm(own, generator=orders).tolist()
        t = float(torch.rand((), generator=draws))
        gradient = torch.zeros_like(start)
        if order:  # a process may have no batch
            theta = objective.leaf(bezier(start, bend, end, t))
            with objective.mode(), torch.enable_grad():
                sums, _ = objective.terms(theta, order.pop())
                gradient = own * derivative(weighted_sum(sums, scales), theta)
        gradient = objective.space.project(objective.processes.summed(gradient))
        if not torch.isfinite(gradient).all():
            raise ValueError(
                f"the gradient at t = {t:.3g} of the curve is not finite after {step} steps; take a smaller rate"
            )
        for group in optimiser.param_groups:
            group["lr"] = rate * (1 - step / steps)
        bend.grad = 2 * t * (1 - t) * gradient
        optimiser.step()
    progress(steps, steps, "steps of the curve")
    return bend.detach()


def _length(start: Tensor, bend: Tensor, end: Tensor) -> float:
    """The length of a quadratic Bézier curve, by Gauss-Legendre quadrature."""
    first, second = (bend - start).double(), (end - bend).double()
    a, b, c = float(first @ first), float(first @ second), float(second @ second)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    t = (nodes + 1) / 2
    squared = (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c
    return float((weights * np.sqrt(np.maximum(squared, 0))).sum())  # |φ'| is 2√…, and t has half the nodes' measure


def _warn_of_batch_norm(objective: Objective[Any]) -> None:
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
    found = [name for name, module in objective.model.named_modules() if isinstance(module, kinds)]
    if found and objective.training_mode_seed is None:
        warnings.warn(
            f"{found[0]} normalises by statistics of the model's own training, which are kept all along the paths: "
            "between the ends the loss is too high. With training_mode_seed each batch is normalised by its own",
            stacklevel=3,
        )
