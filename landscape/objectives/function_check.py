"""Whether a loss is a function of the parameters and the batches alone: what every analysis takes for granted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from landscape.objectives.autograd import graph_nodes
from landscape.objectives.loss_terms import Number
from landscape.parameters.parameter_space import ParamSpace
from landscape.processes import ALONE, Processes

REPEATABLE = 1e-4  # two evaluations may differ by this share of the loss; rounding differs by far less
STEPS = (1e-2, 1.0)  # in root mean squares of the parameters, to see whether a loss without a gradient moves at all

State = dict[str, tuple[Any, ...]]


class Evaluation(Protocol):
    """What is checked: a loss over fixed batches, as ``BatchEvaluation`` evaluates it."""

    model: nn.Module
    space: ParamSpace
    params: Tensor
    fixed: dict[str, Tensor]
    training_mode_seed: int | None

    @property
    def rounds(self) -> int:
        """The number of passes over single batches that a pass over all takes."""

    def mode(self) -> AbstractContextManager[None]:
        """Put the model into the mode of an evaluation."""

    def writable(self, theta: Tensor) -> Mapping[str, Tensor]:
        """Return the tensors that the loss could write to, by name."""

    def terms(self, theta: Tensor, index: int) -> tuple[list[Tensor], list[Number]]:
        """Return one batch's sums and numbers of terms."""


def check_function(
    evaluation: Evaluation, processes: Processes = ALONE, has_gradient: Callable[[], bool] | None = None
) -> str:
    """Check a loss at θ₀ on its first batches; return why it has no gradient, or an empty text.

    The loss has to write to nothing that it is computed from, to be the same when evaluated again, and to depend on θ.
    It costs three evaluations of one batch, of more where the first do not depend on θ.

    Args:
        evaluation: The loss.
        processes: Those that evaluate it together, and so have to take the same decisions.
        has_gradient: Whether it has one, where that does not show in the graph.

    Raises:
        ValueError: It writes to its parameters, to the model's buffers or to other tensors of the model; two
            evaluations differ; or it is the same at other parameters.
    """
    theta = evaluation.params.clone()
    with evaluation.mode(), torch.no_grad():
        before = _state(evaluation, theta)
        first, again = _values(evaluation, theta, 0), _values(evaluation, theta, 0)
        after = _state(evaluation, theta)
    processes.all_or_none(lambda: _require_repeatable(evaluation, before, after, first, again))
    if has_gradient() if has_gradient is not None else _has_gradient(evaluation, theta):
        return ""
    if not _moves(evaluation, theta, processes):
        raise ValueError(
            "the loss does not depend on the parameters: it is the same when they change. It is called as "
            "loss(model, batch) with a model that has other parameters for the time of the call: use this argument, "
            "not a model from outside of the function"
        )
    return (
        "the loss has no gradient by the parameters: on its way something is computed under torch.no_grad, detached, "
        "or turned into a number or an integer. A surface can be drawn of it, derivatives cannot be taken"
    )


def _require_repeatable(
    evaluation: Evaluation, before: State, after: State, first: list[float], again: list[float]
) -> None:
    changed = [name for name, state in after.items() if before.get(name, state) != state]
    if changed:
        raise ValueError(written(changed))
    if not _same(first, again, max(REPEATABLE, evaluation.space.resolution)):
        raise ValueError(
            f"two evaluations of the first batch give {_text(first)} and {_text(again)}: the loss draws random "
            "numbers, or keeps something from one call to the next; draw once, and keep what was drawn in the batches"
        )


def written(names: Iterable[str]) -> str:
    """Return the error about tensors of the model that a loss has written to."""
    listed = ", ".join(repr(name.removeprefix("model.")) for name in names)
    return (
        f"calling the loss changes {listed} of the model in place, so that the next call is another function: leave "
        "out of it what renormalises (max_norm), clamps, counts or updates averages"
    )


def _values(evaluation: Evaluation, theta: Tensor, index: int) -> list[float]:
    return torch.stack([term.detach().double() for term in evaluation.terms(theta, index)[0]]).tolist()


def _same(a: list[float], b: list[float], allowed: float) -> bool:
    pairs = torch.tensor([a, b], dtype=torch.float64)
    limits = allowed * pairs.abs().amax(0)
    # Where a loss is not finite, other guards say so, with its value.
    return bool((((pairs[0] - pairs[1]).abs() <= limits) | ~pairs.isfinite().all(0)).all())


def _text(values: list[float]) -> str:
    return ", ".join(f"{value:.6g}" for value in values)


def _state(evaluation: Evaluation, theta: Tensor) -> State:
    """Return what identifies the contents of θ, of the model's other tensors, and of plain tensors of its modules."""
    tensors: Mapping[str, Tensor] = {**evaluation.writable(theta), **_attributes(evaluation.model)}
    return {name: (tuple(tensor.shape), *_sums(tensor)) for name, tensor in tensors.items()}


def _attributes(model: nn.Module) -> dict[str, Tensor]:
    """Return the tensors that modules hold beside parameters and buffers; not those that one call makes for itself."""
    return {
        f"{prefix}.{name}".removeprefix("."): value
        for prefix, module in model.named_modules()
        for name, value in vars(module).items()
        if isinstance(value, Tensor) and not value.requires_grad
    }


def _sums(tensor: Tensor) -> tuple[Any, ...]:
    """Return two sums that change with a tensor's contents: copies of all would take the memory of the model."""
    flat = tensor.detach().reshape(-1)
    if flat.is_complex():
        flat = torch.view_as_real(flat).reshape(-1)
    flat = flat if flat.is_floating_point() else flat.double()
    return flat.sum(dtype=torch.float64).nan_to_num().item(), flat.square().sum(dtype=torch.float64).nan_to_num().item()


def _has_gradient(evaluation: Evaluation, theta: Tensor) -> bool:
    """Return whether the graph of a batch's loss leads back to θ; it is followed, not differentiated."""
    leaf = theta.requires_grad_()
    try:
        with evaluation.mode(), torch.enable_grad():
            return any(leads_to(evaluation.terms(leaf, index)[0], leaf) for index in range(evaluation.rounds))
    except torch.OutOfMemoryError:  # a surface may fit where a gradient does not
        return True
    except RuntimeError as problem:
        if "inplace" in str(problem):  # torch refuses writes to a leaf of a graph before they happen
            raise ValueError(written(["a parameter"])) from problem
        raise


def leads_to(outputs: Iterable[Tensor], leaf: Tensor) -> bool:
    """Return whether the graph of an output contains the leaf.

    >>> x = torch.ones(2, requires_grad=True)
    >>> leads_to([x.sum()], x), leads_to([x.detach().sum()], x)
    (True, False)
    """
    return any(getattr(node, "variable", None) is leaf for node in graph_nodes(outputs))


def _moves(evaluation: Evaluation, theta: Tensor, processes: Processes) -> bool:
    """Return whether the loss of a batch changes with θ, in small steps and in large ones."""
    theta = theta.detach()
    generator = torch.Generator().manual_seed(0)
    step = evaluation.space.project(torch.randn(len(theta), generator=generator).to(theta))
    scale = theta.square().mean().sqrt().clamp_min(torch.finfo(theta.dtype).tiny)
    with evaluation.mode(), torch.no_grad():
        for index in range(evaluation.rounds):
            centre = _values(evaluation, theta, index)
            for length in STEPS:
                for sign in (-1, 1):
                    moved = _values(evaluation, theta + sign * length * scale * step, index)
                    if any(processes.gathered(moved != centre)):
                        return True
    return False
