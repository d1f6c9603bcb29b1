"""What is set in a model during an evaluation, so that its derivatives are those of what it computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.weight_norm import WeightNorm

from landscape.parameters.parameter_space import ParamSpace

MISSING = object()


class Replacement(NamedTuple):
    """An attribute of an object that has another value during an evaluation."""

    owner: Any
    attribute: str
    value: Any


def replacements(model: nn.Module, space: ParamSpace) -> list[Replacement]:
    """Return what is replaced in a model, without changing the values that it computes.

    - A sparse gradient cannot be differentiated again: tables have dense ones.
    - The gradient of a row of padding is zero by definition, also where the row moves the loss: a row that is active
      gets its derivative.
    - In torch 2.13 the second derivative of ``torch._weight_norm`` is wrong (its ``gradgradcheck`` fails, and products
      are not those of a symmetric matrix): weight norms are computed by their formula.
    """
    names = {id(tensor): name for name, tensor in model.named_parameters()}
    found: list[Replacement] = []
    for module in model.modules():
        if type(module).__name__ == "_WeightNorm":  # torch.nn.utils.parametrizations.weight_norm
            found.append(Replacement(module, "forward", partial(_normalised, dim=vars(module)["dim"])))
        for hook in module._forward_pre_hooks.values():  # noqa: SLF001 (torch.nn.utils.weight_norm, the older one)
            if isinstance(hook, WeightNorm):
                found.append(Replacement(hook, "compute_weight", partial(_of_hook, hook)))
        if not isinstance(module, nn.Embedding | nn.EmbeddingBag):
            continue
        if module.sparse:
            found.append(Replacement(module, "sparse", False))
        name, row = names.get(id(module.weight)), module.padding_idx
        if isinstance(module, nn.Embedding) and row is not None and name in space.names:
            assert name is not None
            if row in space.active_rows(name):
                found.append(Replacement(module, "padding_idx", None))
    return found


@contextmanager
def replaced(changes: Sequence[Replacement]) -> Iterator[None]:
    """Make the replacements for the time of the block."""
    before = [vars(change.owner).get(change.attribute, MISSING) for change in changes]
    try:
        for change in changes:
            setattr(change.owner, change.attribute, change.value)
        yield
    finally:
        for change, value in zip(changes, before, strict=True):
            if value is MISSING:
                vars(change.owner).pop(change.attribute, None)
            else:
                setattr(change.owner, change.attribute, value)


def _normalised(weight_g: Tensor, weight_v: Tensor, *, dim: int) -> Tensor:
    """Return g v / ‖v‖, with norms over all dimensions but ``dim``, or over all for -1."""
    result: Tensor = weight_v * (weight_g / torch.norm_except_dim(weight_v, 2, dim))
    return result


def _of_hook(hook: WeightNorm, module: nn.Module) -> Tensor:
    parts: Any = (getattr(module, f"{hook.name}_g"), getattr(module, f"{hook.name}_v"))
    return _normalised(*parts, dim=hook.dim)
