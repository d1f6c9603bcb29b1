"""A loss in two stages, a network's outputs and a function of them, as Gauss-Newton matrices need it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from torch import Tensor

from landscape.objectives.loss_terms import Batch, Terms, describe_value

Outputs = Tensor | tuple[Tensor, ...]


@dataclass(frozen=True)
class CompositeLoss(Generic[Batch]):
    """loss(model, batch) = outer(outputs(model, batch), batch): itself a loss function, for any ``Objective``.

    The Gauss-Newton matrix depends on where the loss is split, because ``outputs`` is linearised. A softmax over scores
    h·Eᵀ, for instance, is convex in the scores, but not in the pair (h, E).

    >>> loss = CompositeLoss(outputs=lambda model, x: model(x), outer=lambda z, x: (z.square().sum(), len(x)))
    >>> import torch
    >>> loss(lambda x: 2 * x, torch.tensor([1.0, 3.0]))
    (tensor(40.), 2)

    Attributes:
        outputs: ``outputs(model, batch) -> z``, a tensor or a tuple of tensors of any shapes. Whatever depends on the
            parameters, and whatever is random (dropout), happens here.
        outer: ``outer(z, batch) -> (sum, count)``, or a dict of such pairs by the name of the part. It depends on the
            parameters through z alone; its sums are twice differentiable in z, and convex for a positive semidefinite
            matrix.
        by_example: ``by_example(z, batch) -> (S,)``, the sums of the terms of each of the batch's S examples, or a dict
            of such vectors by the name of the part: what an empirical Fisher matrix needs. They add up to the sums of
            ``outer``.
    """

    outputs: Callable[[Any, Batch], Any]
    outer: Callable[[Any, Batch], Terms | Mapping[str, Terms]]
    by_example: Callable[[Any, Batch], Tensor | Mapping[str, Tensor]] | None = None

    def __call__(self, model: Any, batch: Batch) -> Terms | Mapping[str, Terms]:
        """Return the loss of one batch."""
        return self.outer(self.outputs(model, batch), batch)


def composite_of(loss: Any) -> CompositeLoss[Any] | None:
    """Return an objective's loss in two stages: itself, or its attribute ``composite``; None where it has neither."""
    composite = getattr(loss, "composite", loss)
    return composite if isinstance(composite, CompositeLoss) else None


def tensors_of(outputs: Any) -> tuple[Tensor, ...]:
    """Return the tensors of a network's outputs.

    Raises:
        ValueError: They are neither a tensor nor a tuple of tensors.
    """
    tensors = outputs if isinstance(outputs, tuple) else (outputs,)
    if not all(isinstance(tensor, Tensor) for tensor in tensors):
        raise ValueError(f"the outputs must be a tensor or a tuple of tensors; they are {describe_value(outputs)}")
    return tensors


def like(outputs: Outputs, tensors: Sequence[Tensor]) -> Outputs:
    """Return other tensors in the form of these outputs: a tensor, a tuple or a named tuple."""
    if isinstance(outputs, Tensor):
        return tensors[0]
    return type(outputs)(*tensors) if hasattr(outputs, "_fields") else tuple(tensors)
