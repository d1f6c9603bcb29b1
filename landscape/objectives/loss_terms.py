"""What a loss function returns for one batch, and how it is called with parameters that are not the model's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Batch = TypeVar("Batch")
Number = Tensor | int | float
Terms = tuple[Tensor, Number]  # (sum of the terms, number of terms)
LossFn = Callable[[Any, Batch], Terms | Mapping[str, Terms]]  # of a module, of whatever class the loss needs


class LossModule(nn.Module):
    """A model and its loss as one module, so that parameters are replaced however the loss uses the model."""

    def __init__(self, model: nn.Module, loss: LossFn[Any]) -> None:
        super().__init__()
        self.model = model
        self.loss = loss

    def forward(self, batch: Any) -> Terms | Mapping[str, Terms]:
        """The loss of one batch."""
        return self.loss(self.model, batch)


def named_terms(returned: Any) -> dict[str, Terms]:
    """What a loss returned, by the name of the part; a single pair is the part ``loss``.

    Raises:
        ValueError: It is no (sum, count), or the sum is no scalar.
    """
    terms = dict(returned) if isinstance(returned, Mapping) else {"loss": returned}
    for part, pair in terms.items():
        if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], Tensor) and pair[0].ndim == 0):
            what = _described(pair)
            raise ValueError(f"the loss's part {part!r} must be (sum, count) with a sum of shape (); it is {what}")
    return terms


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return f"({', '.join(map(_described, value))})" if isinstance(value, tuple) else type(value).__name__


def moved(batch: Any, device: torch.device) -> Any:
    """The batch with its tensors on the device, whatever holds them."""
    if hasattr(batch, "to"):
        return batch.to(device)
    if isinstance(batch, Mapping):
        return {key: moved(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(moved(value, device) for value in batch))
    if isinstance(batch, (tuple, list)):
        return type(batch)(moved(value, device) for value in batch)
    if is_dataclass(batch) and not isinstance(batch, type):
        return replace(batch, **{field.name: moved(getattr(batch, field.name), device) for field in fields(batch)})
    return batch
