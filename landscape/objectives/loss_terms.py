"""What a loss function returns for one batch, and a model with a function of it as one module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Batch = TypeVar("Batch")
Number = Tensor | int | float
Terms = tuple[Tensor, Number]  # (sum of the terms, number of terms)
LossFn = Callable[[Any, Batch], Terms | Mapping[str, Terms]]  # of a module, of whatever class the loss needs

FOR_A_CRITERION = (  # in the errors
    "for a loss of torch, write Objective(model, landscape.supervised(torch.nn.functional.cross_entropy), batches)"
)
SAME_VALUE = (
    "ToCopyBackward",
    "CloneBackward",
    "AliasBackward",
    "ViewBackward",
    "SqueezeBackward",
    "ReshapeAliasBackward",
)
MEAN = 1  # of the reductions by which nodes of torch's graphs know them


class ModelFunction(nn.Module):
    """A model and a function of it and a batch as one module, so that all of the model's parameters can be replaced.

    ``torch.func.functional_call`` replaces them for the time of a call, however the function uses the model.
    """

    def __init__(self, model: nn.Module, function: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.model = model
        self.function = function

    def forward(self, batch: Any) -> Any:
        """Return what the function returns for one batch."""
        return self.function(self.model, batch)


def named_terms(returned: Any) -> dict[str, Terms]:
    """Return a loss function's result by the name of the part; a single pair is the part ``loss``.

    A mean in the place of a sum cannot be seen from types, but from the last operation of its graph, where it has one.

    Raises:
        ValueError: It is not a pair (sum, count), the sum is not a scalar, or it is the mean of several terms.
    """
    terms = dict(returned) if isinstance(returned, Mapping) else {"loss": returned}
    for part, pair in terms.items():
        if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], Tensor) and pair[0].ndim == 0):
            raise ValueError(
                f"the loss's part {part!r} must be (sum, count) with a sum of shape (); it is {describe_value(pair)}; "
                f"{FOR_A_CRITERION}"
            )
        if _is_mean(pair[0]) and float(pair[1]) > 1:
            raise ValueError(
                f"the loss's part {part!r} is a mean, with {float(pair[1]):g} terms, and would be divided by their "
                f"number twice: return their sum, as with reduction='sum'; {FOR_A_CRITERION}"
            )
    return terms


def _is_mean(tensor: Tensor) -> bool:
    """Return whether the last operation of a tensor's graph is a mean, or a criterion of torch that reduces to one."""
    node = tensor.grad_fn
    while node is not None and node.name().startswith(SAME_VALUE):
        node = node.next_functions[0][0]
    return node is not None and (
        node.name().startswith("MeanBackward") or getattr(node, "_saved_reduction", None) == MEAN
    )


def weighted_sum(sums: Sequence[Tensor], scales: Sequence[float]) -> Tensor:
    """Return Σ_p scale_p · sum_p (), without the parts of weight zero, since these may be infinite."""
    terms = [term * scale for term, scale in zip(sums, scales, strict=True) if scale != 0]
    return torch.stack(terms).sum() if terms else torch.zeros(())


def describe_value(value: Any) -> str:
    """Describe for an error message what a function returned.

    >>> describe_value((torch.ones(3, 1), 3))
    '(a tensor of shape (3, 1), int)'
    """
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return f"({', '.join(map(describe_value, value))})" if isinstance(value, tuple) else type(value).__name__
