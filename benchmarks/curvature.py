"""Spectral densities, traces, and products with all curvature matrices, on some users of Beauty."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from operator import matmul
from typing import Any

import torch
from torch import Tensor

from benchmarks.support.measure import arithmetic, in_turn, ratio, seconds
from benchmarks.support.setting import Setting
from landscape import FisherOperator, GaussNewtonOperator, HessianOperator, Objective, spectral_density, trace
from landscape.training.batches.packing import Batch
from landscape.training.losses.next_item import recommendation

SEVERAL = (2, 4, 8)  # vectors in one product


@dataclass(frozen=True)
class Sizes:
    """How many probes, steps and products."""

    probes: int = 10
    steps: int = 40  # of a probe
    products: int = 60  # of a trace

    @classmethod
    def of(cls, setting: Setting) -> Sizes:
        """Return the usual sizes, or small ones with --quick."""
        return cls(2, 4, 6) if setting.quick else cls()


class TimedHessian(HessianOperator):
    """A Hessian that measures the total time of its products."""

    seconds = 0.0

    def _products(self, vectors: Tensor) -> Tensor:
        started = time.perf_counter()
        products = super()._products(vectors)
        self.seconds += time.perf_counter() - started
        return products


def density(setting: Setting) -> dict[str, Any]:
    """The spectral density from 10 probes of 40 Lanczos steps, with full reorthogonalisation."""
    size, objective = Sizes.of(setting), few(setting)
    H = TimedHessian(objective)
    results = []

    def estimate() -> None:
        results.append(spectral_density(H, probes=size.probes, steps=size.steps))

    measured = seconds(estimate, repeats=1, warm_up=False)
    total, stderr = results[-1].trace()
    return measured | {
        "users": users(setting),
        "products": H.products,
        "share_in_products": H.seconds / measured["seconds"],
        "trace": total,
        "stderr": stderr,
    }


def trace_of_hessian(setting: Setting) -> dict[str, Any]:
    """The trace by Hutch++, in turn with Hutchinson's estimator on as many products."""
    size, objective = Sizes.of(setting), few(setting)
    estimates = {}

    def estimate(method: str) -> None:
        estimates[method] = trace(HessianOperator(objective), max_products=size.products, method=method)

    times = in_turn(
        {method: partial(estimate, method) for method in ("hutch++", "hutchinson")},
        rounds=setting.repeats(2),
        warm_up=False,
    )
    best, plain = estimates["hutch++"], estimates["hutchinson"]
    return times["hutch++"] | {
        "users": users(setting),
        "products": best.products,
        "trace": best.mean,
        "stderr": best.stderr,
        "hutchinson_trace": plain.mean,
        "hutchinson_stderr": plain.stderr,
        "ratios": {"standard error of Hutchinson's / Hutch++'s": plain.stderr / best.stderr},
    }


def products(setting: Setting) -> dict[str, Any]:
    """Products in turn: with three matrices, on retained graphs, with several vectors.

    The prediction is 9 times the operations of a forward pass for a Hessian product and 5 for a Gauss-Newton one; on
    retained graphs 6 and 4.
    """
    objective = few(setting)
    split = Objective(objective.model, recommendation.composite, objective.batches, space=objective.space)
    operators = {
        "Hessian": HessianOperator(objective, retain=0),
        "Gauss-Newton": GaussNewtonOperator(split, retain=0),
        "Fisher": FisherOperator(objective, recommendation.by_user, retain=0),
    }
    retained = {
        "Hessian": HessianOperator(objective),
        "Gauss-Newton": GaussNewtonOperator(split),
        "Fisher": FisherOperator(objective, recommendation.by_user),
    }
    vectors = torch.randn(objective.space.size, max(SEVERAL), generator=torch.Generator().manual_seed(0))
    v = vectors[:, 0].contiguous()
    ways = {name: partial(matmul, A, v) for name, A in operators.items()}
    ways |= {f"{name}, retained": partial(matmul, A, v) for name, A in retained.items()}
    ways |= {f"Hessian, {m} vectors": partial(matmul, operators["Hessian"], vectors[:, :m]) for m in SEVERAL}
    times = in_turn(ways, rounds=setting.repeats(9))
    operations = {name: arithmetic(way) for name, way in ways.items() if "vectors" not in name}
    forward = arithmetic(lambda: objective.value(differentiable=True))
    hessian = times["Hessian"]
    ratios = {f"{name} / Hessian": ratio(times[name], hessian) for name in operators if name != "Hessian"}
    ratios |= {f"{name}, retained / not": ratio(times[f"{name}, retained"], times[name]) for name in operators}
    ratios |= {f"a vector of {m} / one": ratio(times[f"Hessian, {m} vectors"], hessian) / m for m in SEVERAL}
    return hessian | {
        "users": users(setting),
        "flops": operations["Hessian"],
        "ratios": ratios,
        "seconds_by_way": {name: measured["seconds"] for name, measured in times.items()},
        "operations_in_forward_passes": {name: count / forward for name, count in operations.items()},
    }


def few(setting: Setting) -> Objective[Batch]:
    """Return the loss on some users, for spectra and traces."""
    return setting.objective(setting.few)[0]


def users(setting: Setting) -> int:
    """Return the number of these users."""
    return sum(len(batch.users) for batch in few(setting).batches)
