"""Several processes that share out the batches compute what one does; run with Gloo on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist

from landscape import (
    FisherOperator,
    GaussNewtonOperator,
    HessianOperator,
    Objective,
    block,
    curvature,
    random_plane,
    sharpness,
    spectral_density,
    surface,
    top_eigenpairs,
    trace,
)
from landscape.processes import Processes
from tests.support.problems import Problem, convolutional, crossentropy, logistic, two_parts
from tests.support.processes import together
from tests.support.splits import classes

PROBLEMS = {"logistic": logistic, "convolutional": convolutional, "two parts": two_parts}


def everything(problem: Problem, **options: Any) -> dict[str, Any]:
    """What an analysis computes, as plain values."""
    objective = problem.objective(**options)
    v = torch.linspace(-1, 1, objective.space.size).double()
    theta = objective.params + 0.1
    plane = random_plane(objective.space, objective.params)
    drawn = surface(objective, plane.x, plane.y, points=5, parts=True)
    result = curvature(objective, k=2)
    H = HessianOperator(objective)
    room = 9 * 8 * -(-objective.space.size // objective.processes.count)  # of eight vectors, and one to reduce them
    bounded = top_eigenpairs(H, k=2, tolerance=1e-9, max_products=200, memory=room)
    resumed = top_eigenpairs(H, k=2, tolerance=1e-9, max_products=200, resume_from=result.pairs.lanczos_state)
    return {
        "value": objective.value(),
        "moved": objective.value(theta),
        "parts": objective.parts(),
        "gradient": objective.gradient(theta).numpy(),
        "hvp": objective.hvp(v, theta).numpy(),
        "products": (HessianOperator(objective, retain=0) @ torch.stack([v, v + 1], 1)).numpy(),
        "along": objective.along(plane.x[None], np.array([[0.5], [1.0]])),
        "standard error": objective.standard_error(),
        "surface": drawn.loss,
        "eigenvalues": result.pairs.values,
        "bounded": bounded.values,
        "resumed": resumed.values,
        "vectors": np.abs(bounded.vectors[0]),
        "loss": result.loss,
        "trace": trace(HessianOperator(objective), max_products=12).mean,
        "density": spectral_density(HessianOperator(objective), probes=2, steps=4).trace()[0],
        "sharpness": sharpness(objective, 0.1).values,
        "block": block(objective, objective.space.names[0]).gradient().numpy(),
    }


def matrices(rank: int = 0, count: int = 1, **options: Any) -> dict[str, Any]:
    split, rows = (share(problem, rank, count).objective(**options) for problem in (classes().problem, logistic()))

    def by_group(model: Any, batch: Any) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(model(batch[0]), batch[1], reduction="none")

    v, w = (torch.linspace(-1, 1, objective.space.size).double() for objective in (split, rows))
    return {
        "gauss-newton": (GaussNewtonOperator(split) @ v).numpy(),
        "forward mode": (GaussNewtonOperator(split, retain=0) @ v).numpy(),
        "fisher": (FisherOperator(rows, by_group) @ w).numpy(),
        "eigenvalues": top_eigenpairs(GaussNewtonOperator(split), k=2).values,
    }


def share(problem: Problem, rank: int, count: int) -> Problem:
    problem.batches = problem.batches[rank::count]
    return problem


def refused(rank: int, count: int) -> dict[str, str]:
    """The errors of this process, where the mistake is in the other one."""
    errors = {}

    def of(name: str, make: Callable[[], Objective]) -> None:
        try:
            make().value()
        except Exception as problem:
            errors[name] = f"{type(problem).__name__}: {problem}"

    def failing(model: Any, batch: Any) -> Any:
        if rank == 1:
            raise KeyError("labels")
        return crossentropy(model, batch)

    def other() -> Objective:
        problem = logistic()
        if rank == 1:
            with torch.no_grad():
                problem.model.weight += 1
        return problem.objective(process_group=dist.group.WORLD)

    group = dist.group.WORLD
    of("failing", lambda: Objective(logistic().model, failing, logistic().batches, process_group=group))
    of("weights", other)
    return errors


def member(rank: int, count: int, folder: Path) -> dict[str, Any]:
    group = dist.group.WORLD
    found = {name: everything(share(make(), rank, count), process_group=group) for name, make in PROBLEMS.items()}
    found["matrices"] = matrices(rank, count, process_group=group)
    if count == 2:
        found["refused"] = refused(rank, count)
    return found


def assert_same(found: Any, expected: Any, **allowed: float) -> None:
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_same(found[name], value, **allowed)
    else:
        np.testing.assert_allclose(found, expected, **allowed)


@pytest.mark.parametrize(("length", "count"), [(7, 3), (6, 3), (1, 2), (2, 4), (9, 1)])
def test_slices_of_a_vector_make_the_whole(length, count):
    class Simulated(Processes):
        def __init__(self):
            super().__init__("simulated" if count > 1 else None)

        count = property(lambda self: count)

    vector = torch.arange(1.0, length + 1)
    pieces = []
    for rank in range(count):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dist, "get_rank", lambda group, rank=rank: rank)
            pieces.append(Simulated().own(vector))
    assert len({len(piece) for piece in pieces}) == 1
    torch.testing.assert_close(torch.cat(pieces)[:length], vector)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_processes_that_share_out_the_batches_compute_what_one_does(count):
    """With four processes, one has no batch at all."""
    first, *others = together(member, count)
    alone: dict[str, Any] = {name: everything(make()) for name, make in PROBLEMS.items()} | {"matrices": matrices()}
    errors = [results.pop("refused", {}) for results in (first, *others)]
    assert_same(first, alone, rtol=1e-7, atol=1e-9)
    for other in others:
        assert_same(other, first, rtol=0, atol=0)  # to the last bit, or the processes would part
    if count == 2:
        assert errors[1]["failing"] == "KeyError: 'labels'"
        assert errors[0]["failing"].startswith("OtherProcessError: process 1 of 2: 'labels'")
        assert all("parameters of process" in each["weights"] and "not the same" in each["weights"] for each in errors)
