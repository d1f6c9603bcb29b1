"""Other libraries from the package index, on the same model, the same packed batches and the same frozen negatives.

They get every advantage: packed rows (padded ones take about eight times as long, see the padded rows of the
table) and unfused attention where they need it. PyHessian and hessian-eigenthings average batch means without
weights, so their Hessian is that of a slightly different loss. A product is one pass over the batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

import landscape
from benchmarks.curvature import Sizes, few, users
from benchmarks.ours import HVP_SHARE
from benchmarks.support.measure import in_turn, ratio, seconds
from benchmarks.support.setting import Setting, scaled
from landscape.models.sasrec import SASRec
from landscape.training.batches.packing import Batch

Pair = tuple[Tensor, Tensor]
MOST_PRODUCTS = 100
STEPS = 5  # a side of the plane that loss-landscapes draws; 51 would take hours


class Scores(nn.Module):
    """SASRec as other libraries want a model: one tensor in, one tensor out."""

    def __init__(self, model: SASRec) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> Tensor:
        """From (R, n, 5) items, positions, segments, targets and negatives to (R, n, 2) their scores."""
        items, positions, segments, *either = inputs.unbind(-1)
        hidden = self.model(items, positions, segments)  # (R, n, d)
        scores: Tensor = (hidden * self.model.items(torch.stack(either))).sum(-1).movedim(0, -1)
        return scores


def loss(scores: Tensor, targets: Tensor) -> Tensor:
    """The recommendation loss as a mean over the real positions of one batch."""
    terms = F.softplus(-scores[..., 0]) + F.softplus(scores[..., 1])
    real = targets > 0
    return (terms * real).sum() / real.sum()


class Passes:
    """The batches as pairs of inputs and targets, with the number of passes over them."""

    def __init__(self, pairs: list[Pair]) -> None:
        self.pairs = pairs
        self.count = 0

    def __iter__(self) -> Iterator[Pair]:
        self.count += 1
        return iter(self.pairs)


def problem(setting: Setting, share: float = 1.0) -> tuple[Scores, Passes, float]:
    """Return the model, the batches, and their share of all terms."""
    objective, terms = setting.objective(share)
    return Scores(setting.checkpoint.build()).eval(), Passes(pairs(objective.batches)), terms


def pairs(batches: Iterable[Batch]) -> list[Pair]:
    """Return the arguments of ``Scores`` and ``loss`` for each batch."""
    result = []
    for rows in batches:
        assert rows.targets is not None and rows.negatives is not None
        inputs = torch.stack([rows.items, rows.positions, rows.segments, rows.targets, rows.negatives], -1)
        result.append((inputs, rows.targets))
    return result


def pyhessian_product(setting: Setting) -> dict[str, Any]:
    """One pass of PyHessian's product."""
    from pyhessian import hessian

    model, passes, share = problem(setting)
    with sdpa_kernel(SDPBackend.MATH):
        operator = hessian(model, loss, dataloader=passes, cuda=False)
        vector = [torch.randn_like(p) for p in operator.params]
        return scaled(seconds(lambda: operator.dataloader_hv_product(vector), repeats=setting.repeats(2)), share)


def pyhessian_eigenvalue(setting: Setting) -> dict[str, Any]:
    """PyHessian's power iteration until two values in a row differ by 1e-3; it aims at the largest magnitude."""
    from pyhessian import hessian

    model, passes, _ = problem(setting, HVP_SHARE)
    with sdpa_kernel(SDPBackend.MATH):
        operator = hessian(model, loss, dataloader=passes, cuda=False)
        results: list[Any] = []
        torch.manual_seed(0)
        measured = seconds(
            lambda: results.append(operator.eigenvalues(maxIter=MOST_PRODUCTS, tol=1e-3)), repeats=1, warm_up=False
        )
        (value,), (vector,) = results[0]
        used = passes.count
        _, image = operator.dataloader_hv_product(vector)
    return measured | {"products": used, "value": value, "relative_residual": residual(image, vector, value)}


def eigenthings_product(setting: Setting) -> dict[str, Any]:
    """One product with hessian-eigenthings' operator."""
    from hessian_eigenthings import HessianOperator

    model, passes, share = problem(setting)
    with sdpa_kernel(SDPBackend.MATH):
        operator = HessianOperator(model, passes, lambda m, pair: loss(m(pair[0]), pair[1]))
        vector = torch.randn(operator.size)
        return scaled(seconds(lambda: operator.matvec(vector), repeats=setting.repeats(2)), share)


def eigenthings_eigenvalue(setting: Setting) -> dict[str, Any]:
    """hessian-eigenthings' Lanczos: with its defaults, then with twice the steps until it reports convergence."""
    from hessian_eigenthings import HessianOperator, lanczos

    model, passes, _ = problem(setting, HVP_SHARE)
    with sdpa_kernel(SDPBackend.MATH):
        operator = HessianOperator(model, passes, lambda m, pair: loss(m(pair[0]), pair[1]))
        first = lanczos(operator, k=1, which="LA", tol=1e-3, seed=0)
        by_default = {
            "products": passes.count,
            "value": float(first.eigenvalues[0]),
            "converged": bool(first.converged[0]),
        }
        results = [first]
        passes.count = 0

        def double_until_converged() -> None:
            steps = 5
            while not results[-1].converged[0] and steps <= MOST_PRODUCTS:
                results.append(lanczos(operator, k=1, which="LA", tol=1e-3, seed=0, max_iter=steps))
                steps *= 2

        measured = seconds(double_until_converged, repeats=1, warm_up=False)
        value, vector, used = float(results[-1].eigenvalues[0]), results[-1].eigenvectors[0], passes.count
        image = operator.matvec(vector)
    left = residual([image], [vector], value)
    return measured | {"products": used, "value": value, "relative_residual": left, "by_default": by_default}


def pyhessian_density(setting: Setting) -> dict[str, Any]:
    """PyHessian's density, a probe in turn with one of ours; a function that torch has removed is restored for it."""
    from pyhessian import hessian

    model, passes, _ = problem(setting, setting.few)
    with sdpa_kernel(SDPBackend.MATH):
        operator = hessian(model, loss, dataloader=passes, cuda=False)
        unpatched = _attempt(lambda: float(len(operator.density(iter=2, n_v=1))))
        with patch.object(torch, "eig", _symmetric_eig, create=True):
            steps = Sizes.of(setting).steps
            return _density_in_turn(setting, passes, lambda seed: operator.density(iter=steps, n_v=1)) | (
                {"unpatched": unpatched} if isinstance(unpatched, str) else {}
            )


def eigenthings_density(setting: Setting) -> dict[str, Any]:
    """hessian-eigenthings' stochastic Lanczos quadrature, a probe in turn with one of ours."""
    from hessian_eigenthings import HessianOperator, spectral_density

    model, passes, _ = problem(setting, setting.few)
    with sdpa_kernel(SDPBackend.MATH):
        operator = HessianOperator(model, passes, lambda m, pair: loss(m(pair[0]), pair[1]))
        steps = Sizes.of(setting).steps
        return _density_in_turn(
            setting, passes, lambda seed: spectral_density(operator, num_runs=1, lanczos_steps=steps, seed=seed)
        )


def _density_in_turn(setting: Setting, passes: Passes, probe: Callable[[int], object]) -> dict[str, Any]:
    size, H, seeds = Sizes.of(setting), landscape.HessianOperator(few(setting)), iter(range(100))
    passes.count = 0
    rounds = setting.repeats(2)
    times = in_turn(
        {
            "theirs": lambda: probe(next(seeds)),
            "ours": lambda: landscape.spectral_density(H, probes=1, steps=size.steps, seed=next(seeds)),
        },
        rounds=rounds,
    )
    return times["theirs"] | {
        "seconds": times["theirs"]["seconds"] * size.probes,
        "times_ours": ratio(times["theirs"], times["ours"]),
        "users": users(setting),
        "products": passes.count // (1 + rounds) * size.probes,
        "scaled_from_probes": 1,
    }


def pyhessian_trace(setting: Setting) -> dict[str, Any]:
    """PyHessian's trace, which is Hutchinson's, without its early stop, in turn with ours."""
    from pyhessian import hessian

    model, passes, _ = problem(setting, setting.few)
    with sdpa_kernel(SDPBackend.MATH):
        operator = hessian(model, loss, dataloader=passes, cuda=False)

        def estimate(products: int) -> tuple[float, float]:
            samples = np.array(operator.trace(maxIter=products, tol=0.0))
            return float(samples.mean()), float(samples.std(ddof=1) / len(samples) ** 0.5)

        return _trace_in_turn(setting, passes, estimate)


def eigenthings_trace(setting: Setting) -> dict[str, Any]:
    """hessian-eigenthings' Hutch++, in turn with ours."""
    from hessian_eigenthings import HessianOperator, trace

    model, passes, _ = problem(setting, setting.few)
    with sdpa_kernel(SDPBackend.MATH):
        operator = HessianOperator(model, passes, lambda m, pair: loss(m(pair[0]), pair[1]))

        def estimate(products: int) -> tuple[float, float]:
            estimated = trace(operator, num_matvecs=products, seed=0)
            return estimated.estimate, estimated.stderr

        return _trace_in_turn(setting, passes, estimate)


def _trace_in_turn(setting: Setting, passes: Passes, estimate: Callable[[int], tuple[float, float]]) -> dict[str, Any]:
    products, objective = Sizes.of(setting).products, few(setting)
    results: list[tuple[float, float]] = []
    passes.count = 0
    times = in_turn(
        {
            "theirs": lambda: results.append(estimate(products)),
            "ours": lambda: landscape.trace(landscape.HessianOperator(objective), max_products=products),
        },
        rounds=setting.repeats(2),
        warm_up=False,
    )
    total, stderr = results[0]
    return times["theirs"] | {
        "times_ours": ratio(times["theirs"], times["ours"]),
        "users": users(setting),
        "products": passes.count // len(results),
        "trace": total,
        "stderr": stderr,
    }


def loss_landscapes_surface(setting: Setting) -> dict[str, Any]:
    """A plane of loss-landscapes with filter normalisation, scaled from 5×5 points to 51×51.

    A filter that is zero makes it divide by zero, so an untrained model, whose biases are zero, is tried as well.
    """
    model, passes, share = problem(setting)
    measured = _plane(model, passes, setting)
    model.model.reset_parameters()
    return scaled(measured, share) | {"untrained": _attempt(lambda: _plane(model, passes, setting)["seconds"])}


@torch.no_grad()
def _plane(model: Scores, passes: Passes, setting: Setting) -> dict[str, Any]:
    from loss_landscapes import random_plane
    from loss_landscapes.metrics import Metric

    class Loss(Metric):  # type: ignore[misc]  # the package has no types
        def __call__(self, wrapper: Any) -> float:
            sums = [
                (loss(wrapper.forward(inputs), targets) * (n := (targets > 0).sum()), n) for inputs, targets in passes
            ]
            return float(sum(s for s, _ in sums) / sum(n for _, n in sums))

    def drawn(steps: int) -> float:
        torch.manual_seed(0)
        measured = seconds(
            lambda: random_plane(model, Loss(), steps=steps, deepcopy_model=True), repeats=1, warm_up=False
        )
        return float(measured["seconds"])

    fewer, more = 1, 2 if setting.quick else STEPS  # a side
    fewer_seconds, more_seconds = drawn(fewer), drawn(more)
    seconds_a_point = (more_seconds - fewer_seconds) / (
        more**2 - fewer**2
    )  # the rest is drawing and normalising the directions
    return {
        "seconds": fewer_seconds + seconds_a_point * (51**2 - fewer**2),
        "seconds_a_point": seconds_a_point,
        "evaluations": 51**2,
        "scaled_from_points": more**2,
    }


def residual(images: list[Tensor], vectors: list[Tensor], value: float) -> float:
    """‖Hv − λv‖ / (|λ| ‖v‖)."""
    difference = torch.cat([(image - value * vector).flatten() for image, vector in zip(images, vectors, strict=True)])
    length = torch.cat([vector.flatten() for vector in vectors]).norm()
    return float(difference.norm() / (abs(value) * length))


def _symmetric_eig(matrix: Tensor, eigenvectors: bool) -> Pair:
    """Return the former ``torch.eig`` of a symmetric matrix: values (m, 2), real and imaginary, and vectors (m, m)."""
    values, vectors = torch.linalg.eigh(matrix)
    return torch.stack([values, torch.zeros_like(values)], 1), vectors


def _attempt(function: Callable[[], float]) -> float | str:
    try:
        return function()
    except Exception as problem:
        return f"{type(problem).__name__}: {str(problem).partition('. ')[0]}"
