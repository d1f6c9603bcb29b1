"""A model that ``fully_shard`` shares out has the losses, gradients, surfaces and eigenvalues of the whole one.

Run with Gloo on the CPU; the reference is the same model without shards, in one process, with all batches.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

import landscape
from landscape import HessianOperator, Objective, ShardedObjective, ShardedSpace
from landscape.problems.problem import ProblemFile, _checked
from landscape.surfaces.planes import eigen_plane, plane_through, random_plane, trajectory_plane
from tests.support.processes import together

WEIGHTS = {"entropy": 1.0, "size": 0.3}
PRODUCT = 1e-8  # the error of a product by differences in float64, relative to the largest entry


class Words(nn.Module):
    """An embedding with padding, rows that no number of processes divides, a buffer, and a layer with a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(7, 4, padding_idx=0)
        self.hidden = nn.Linear(4, 5)
        self.norm = nn.BatchNorm1d(5)
        self.dropout = nn.Dropout(0.2)
        self.out = nn.Linear(5, 3)

    def forward(self, words: Tensor) -> Tensor:
        scores: Tensor = self.out(self.dropout(torch.tanh(self.norm(self.hidden(self.table(words).sum(1))))))
        return scores


def model() -> Words:
    torch.manual_seed(0)
    made = Words().double()
    made.norm.running_mean.copy_(torch.linspace(-0.2, 0.3, 5))
    return made


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> dict[str, tuple[Tensor, int]]:
    scores = model(batch[0])
    return {
        "entropy": (F.cross_entropy(scores, batch[1], reduction="sum"), len(scores)),
        "size": (scores.square().sum(), scores.numel()),
    }


def batches() -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    sizes = (5, 8, 3)
    return [
        (torch.randint(7, (size, 3), generator=generator), torch.randint(3, (size,), generator=generator))
        for size in sizes
    ]


def sharded(count: int, **options: Any) -> Words:
    from torch.distributed.fsdp import fully_shard

    made = model()
    mesh = dist.device_mesh.init_device_mesh("cpu", (count,))
    for module in (made.table, made.hidden, made):
        fully_shard(module, mesh=mesh, **options)
    return made


def everything(objective: Objective[Any]) -> dict[str, Any]:
    """What an analysis computes, as plain values: vectors whole."""
    space: Any = objective.space

    def whole(vector: Any) -> list[float]:
        vector = torch.as_tensor(vector)
        result: list[float] = (space.whole(vector) if isinstance(space, ShardedSpace) else vector).tolist()
        return result

    def shared(vector: Tensor) -> Tensor:
        """This process's slice of a vector that all know."""
        named = landscape.ParamSpace(dict(model().named_parameters())).views(vector)
        return space.flatten(named)

    n = sum(parameter.numel() for parameter in model().parameters())
    ramp = shared(torch.linspace(-1, 1, n).double())
    theta = objective.params + 0.1 * shared(torch.linspace(1, -1, n).double().cos())
    plane = random_plane(space, objective.params, orthogonal=True)
    keep = landscape.random_direction(space, objective.params, normalize="layer", vectors="keep", seed=3)
    value, gradient = objective.value_and_gradient(theta)
    H = HessianOperator(objective, differences=True)
    pairs = landscape.top_eigenpairs(H, 3, tolerance=1e-6, bottom=1)
    room = 9 * 8 * 128
    bounded = landscape.top_eigenpairs(H, 1, tolerance=1e-6, memory=room, max_products=300, seed=1)
    more = landscape.top_eigenpairs(H, 3, tolerance=1e-6, bottom=1, resume_from=pairs.lanczos_state)
    processes = objective.processes
    eigen = eigen_plane(pairs, [1, 2], objective.params, processes=processes)
    through = plane_through(objective.params, [theta, objective.params + ramp], ["a", "b", "c"], processes=processes)
    steps = [objective.params + 0.1 * (3 - t) * ramp + 0.02 * t * t * keep for t in range(3)]
    path = trajectory_plane(objective.params, steps, processes=processes)
    assert path.trajectory is not None
    result = landscape.curvature(objective, 1, tolerance=1e-5, operator=H)
    drawn = landscape.surface(objective, plane.x, plane.y, points=7, parts=True)
    return {
        "value": objective.value(),
        "there": [value, objective.value(theta), objective.value(theta, differentiable=True)],
        "parts": list(objective.parts(theta).values()),
        "by batch": sorted(objective.by_batch().sums[:, 0].tolist()),
        "standard error": objective.standard_error(),
        "gradient": whole(gradient),
        "theta": whole(objective.params),
        "x": whole(plane.x),
        "y": whole(plane.y),
        "kept": whole(keep),
        "lengths": [*plane.lengths, plane.description["cosine"], *path.lengths, *through.lengths],
        "cosine": landscape.cosine(plane.x, keep, processes),
        "through": [*through.description["distances"], through.description["cosine"]],
        "path": [path.trajectory.points.tolist(), path.trajectory.off_plane.tolist(), whole(path.x), whole(path.y)],
        "along": objective.along(torch.stack([plane.x, plane.y]), np.array([[0.5, 1.0], [0.0, 0.0]])).tolist(),
        "surface": drawn.loss.tolist(),
        "parts of the surface": drawn.metrics["loss size"].tolist(),
        "along eigenvectors": objective.along(torch.stack([eigen.x, eigen.y]), np.array([[0.5, -1.0]])).tolist(),
        "metadata": [drawn.metadata[key] for key in ("direction_norms", "cosine", "parameters")],
        "product": whole(H @ ramp),
        "elsewhere": whole(HessianOperator(objective, theta, differences=True) @ ramp),
        "eigenvalues": [*pairs.values.tolist(), *pairs.bottom.values.tolist()],
        "bounded": bounded.values.tolist(),
        "resumed": more.values.tolist(),
        "vector": whole(pairs.vectors[0]),
        "asymmetry": landscape.asymmetry(H) < 1e-6,
        "localization": landscape.localization_by_block(space, pairs, {"out": "out.*"}).values.tolist(),
        "curvature": [result.loss, result.gradient_norm, result.params_norm, result.pairs.values.tolist()],
        "density": float(landscape.spectral_density(H, probes=1, steps=25).values.max()),
        "sizes": [space.total, space.active],
    }


def state(made: nn.Module) -> dict[str, Tensor]:
    from landscape.parameters.sharded_space import own_shard, sharded_parameters

    tensors = {**sharded_parameters(made), **dict(made.named_buffers())}
    grads = {f"{name}.grad": tensor.grad for name, tensor in tensors.items() if tensor.grad is not None}
    return {name: own_shard(tensor).clone() for name, tensor in (tensors | grads).items()}


def as_before(made: nn.Module, rank: int, count: int) -> None:
    """The model is given back: parameters, buffers, gradients, modes; and can be trained afterwards."""
    group = dist.group.WORLD
    mine = batches()[rank::count] or batches()[:1]
    made.train()
    made(mine[0][0]).square().sum().backward()
    before = state(made)
    objective = ShardedObjective(made, loss, mine, process_group=group)
    objective.value_and_gradient(objective.params + 1)

    def fails(model: nn.Module, batch: Any) -> Any:
        loss(model, batch)
        raise KeyError("labels")

    with pytest.raises(KeyError, match="labels"):
        ShardedObjective(made, fails, mine, process_group=group).value()
    after = state(made)
    assert before.keys() == after.keys() and any(name.endswith(".grad") for name in before)
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, rtol=0, atol=0)
    assert all(module.training for module in made.modules())
    # The divisor that a user has set is the user's, and no error of ours.
    expected = objective.gradient()
    for module in (made, made.hidden):
        module.set_gradient_divide_factor(0.5)
    torch.testing.assert_close(objective.gradient(), expected)
    # θ₀ is that of the objective, also when training went on.
    value = objective.value()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(1.0)
        made.norm.running_mean.add_(1.0)
    moved = state(made)
    assert objective.value() == value
    for name, tensor in state(made).items():
        torch.testing.assert_close(tensor, moved[name], rtol=0, atol=0)


def refusals(rank: int, count: int) -> dict[str, str]:
    """One line each, of what is not taken."""
    made, group, mine = sharded(count), dist.group.WORLD, batches()[:1]
    objective = ShardedObjective(made, loss, mine, process_group=group)
    objective.value()

    def error(call: Any) -> str:
        try:
            call()
        except Exception as problem:
            return f"{type(problem).__name__}: {problem}"
        return ""

    def noisy(model: nn.Module, batch: Any) -> Any:
        terms = loss(model, batch)
        noise = torch.rand((), generator=generator) if rank == 0 else 0.0
        return {part: (total * (1 + noise), number) for part, (total, number) in terms.items()}

    def writes(model: Any, batch: Any) -> Any:
        model.norm.running_mean += 1.0
        return loss(model, batch)

    def constant(model: nn.Module, batch: Any) -> Any:
        return {part: (total.detach() * 0 + 2.0, number) for part, (total, number) in loss(model, batch).items()}

    def detached(model: nn.Module, batch: Any) -> Any:
        return {part: (total.detach(), number) for part, (total, number) in loss(model, batch).items()}

    generator = torch.Generator().manual_seed(0)
    accumulating = sharded(count)
    accumulating.set_requires_gradient_sync(False)
    frozen = sharded(count)
    frozen.hidden.requires_grad_(False)

    def of(function: Any) -> Any:
        return lambda: ShardedObjective(made, function, mine, process_group=group).gradient()

    return {
        "trace": error(lambda: landscape.trace(HessianOperator(objective))),
        "sharpness": error(lambda: landscape.sharpness(objective, 0.1)),
        "block": error(lambda: landscape.block(objective, "out.*")),
        "check": error(lambda: landscape.check_derivatives(objective, {"x": objective.params})),
        "gauss-newton": error(lambda: landscape.GaussNewtonOperator(objective)),
        "command": error(lambda: _checked(ProblemFile(Path("mine.py")), objective)),
        "hvp": error(lambda: objective.hvp(objective.params)),
        "plain": error(lambda: Objective(made, loss, mine)),
        "plain with a space": error(lambda: Objective(made, loss, mine, space=landscape.ParamSpace(model()))),
        "a space of slices": error(lambda: Objective(model(), loss, mine, space=objective.space)),
        "whole": error(lambda: ShardedObjective(model(), loss, mine, process_group=group)),
        "accumulating": error(lambda: ShardedObjective(accumulating, loss, mine, process_group=group).value()),
        "noisy": error(of(noisy)),
        "writes": error(of(writes)),
        "constant": error(of(constant)),
        "detached": error(of(detached)),
        "no batch": error(lambda: ShardedObjective(made, loss, [], process_group=group).value()),
        "rows": error(lambda: ShardedSpace(made, exclude_rows={"table.weight": [7]})),
        "names": error(lambda: ShardedSpace(made, exclude_rows={"tabel": [1]})),
        "frozen": str(ShardedObjective(frozen, loss, mine, process_group=group).space.names),
    }


def member(rank: int, count: int, folder: Path) -> dict[str, Any]:
    warnings.simplefilter("ignore")  # of FSDP, about outputs that are views
    group, made = dist.group.WORLD, sharded(count)
    objective = ShardedObjective(made, loss, batches()[rank::count], process_group=group, weights=WEIGHTS)
    masks = ShardedObjective(made, loss, batches()[:1], process_group=group, training_mode_seed=3)
    found: dict[str, Any] = {"everything": everything(objective)}
    found["training"] = [masks.value(), masks.value(), masks.value_and_gradient()[0]]
    as_before(sharded(count, reshard_after_forward=False), rank, count)
    if count == 2:
        found["refused"] = refusals(rank, count)
    return found


# What is computed from products by differences has their error; all else is equal to rounding.
BY_PRODUCTS = ("product", "elsewhere", "eigenvalues", "bounded", "resumed", "curvature", "density")
ALLOWED = dict.fromkeys(BY_PRODUCTS, PRODUCT) | dict.fromkeys(("vector", "localization", "along eigenvectors"), 1e-5)


def whole_objective(**options: Any) -> Objective[Any]:
    return Objective(model(), loss, batches(), weights=WEIGHTS, **options)


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    return everything(whole_objective())


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_shards_compute_what_the_whole_model_does(count, alone):
    """With four processes, one has no batch, and some have no row of a parameter."""
    first, *others = together(member, count)
    for name, expected in alone.items():
        np.testing.assert_allclose(
            flat(first["everything"][name]), flat(expected), rtol=0, atol=ALLOWED.get(name, 1e-10), err_msg=name
        )
    for other in others:
        assert other["everything"] == first["everything"]  # to the last bit, or the processes would part
    one = Objective(model(), loss, batches()[:1], training_mode_seed=3)
    np.testing.assert_allclose(first["training"], 3 * [one.value()], atol=1e-10)
    if count == 2:
        assert_refused(first["refused"], others[0]["refused"])


def test_the_reference_has_the_eigenvalues_of_double_backward(alone):
    """What shards are compared with is itself by differences: here by exact products."""
    H = HessianOperator(whole_objective())
    exact = landscape.top_eigenpairs(H, 3, tolerance=1e-9, bottom=1)
    assert H.method == ""
    assert exact.bottom is not None
    np.testing.assert_allclose(alone["eigenvalues"], [*exact.values, *exact.bottom.values], atol=PRODUCT)
    n = H.shape[0]
    np.testing.assert_allclose(alone["product"], H @ torch.linspace(-1, 1, n).double(), atol=PRODUCT)


def assert_refused(first: dict[str, str], other: dict[str, str]) -> None:
    whole = "needs whole vectors, and a ShardedObjective has a slice of them in each process; load the model's whole"
    for name in ("trace", "sharpness", "block", "check", "gauss-newton", "command", "a space of slices"):
        assert first[name].startswith("ValueError") and whole in first[name], name
    patterns = {
        "hvp": r"RuntimeError: a model of fully_shard has no double backward; multiply by landscape\.HessianOperator",
        "plain": r"sharded over processes \(FSDPModule\): .*pass one of fully_shard to landscape\.ShardedObjective",
        "plain with a space": r"sharded over processes \(FSDPModule\)",
        "whole": r"'table\.weight' is not sharded; call fully_shard on the whole model",
        "accumulating": r"accumulates gradients without reducing them; call set_requires_gradient_sync\(True\)",
        "noisy": r"ValueError: two evaluations of the first batch give",
        "writes": r"changes 'norm\.running_mean' of the model in place",
        "constant": r"does not depend on the parameters",
        "detached": r"has no gradient by the parameters",
        "no batch": r"no process has one",
        "rows": r"exclude_rows\['table\.weight'\] names row 7; the parameter has 7 rows",
        "names": r"exclude_rows names 'tabel', which is not a parameter",
        "frozen": r"^\('table\.weight', 'norm\.weight', 'norm\.bias', 'out\.weight', 'out\.bias'\)$",
    }
    for name, pattern in patterns.items():
        assert re.search(pattern, first[name]) and "\n" not in first[name], (name, first[name])
    assert other["noisy"].startswith("OtherProcessError: process 0 of 2: two evaluations")


def flat(values: Any) -> list[float]:
    if isinstance(values, list):
        return [number for value in values for number in flat(value)]
    return [float(values)]


def dying(rank: int, folder: str) -> None:
    """One of two processes, of which the second fails where the loss is called again."""
    warnings.simplefilter("ignore")
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    calls = []

    def fails(model: nn.Module, batch: Any) -> Any:
        calls.append(batch)
        if rank == 1 and len(calls) > 6:
            raise KeyError("labels")
        return loss(model, batch)

    made = sharded(2)
    objective = ShardedObjective(made, fails, batches()[rank::2], process_group=dist.group.WORLD)
    before = state(made)
    try:
        for _ in range(20):
            objective.gradient()
    except Exception as problem:
        same = all(torch.equal(tensor, before[name]) for name, tensor in state(made).items())
        print(type(problem).__name__, problem, same, flush=True)
        os._exit(0)  # the group cannot be taken down any more


@pytest.mark.slow
def test_a_process_that_fails_ends_the_others_in_one_line(tmp_path):
    call = f"from {__name__} import *; dying"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", f"{call}({rank}, {str(tmp_path)!r})"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said, errors = zip(*(process.communicate(timeout=240) for process in processes), strict=True)
    assert said[1] == "KeyError 'labels' True\n", errors[1]
    assert said[0].startswith("ConnectionError another of the 2 processes has ended: "), errors[0]
    assert said[0].endswith(" True\n") and said[0].count("\n") == 1
