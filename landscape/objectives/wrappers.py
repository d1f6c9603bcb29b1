"""Wrappers around a model, which change its parameters' names and not its function."""

from __future__ import annotations

from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model inside DistributedDataParallel, DataParallel, AveragedModel and torch.compile.

    Names then are those of the bare model, so that the same seed draws the same direction, and what ``torch.compile``
    made, which has no second derivative, is left out.

    >>> unwrapped(nn.DataParallel(nn.Linear(2, 1)))
    Linear(in_features=2, out_features=1, bias=True)
    """
    inner: object = model
    while isinstance(inner, nn.Module):
        model = inner
        if isinstance(model, DistributedDataParallel | nn.DataParallel | AveragedModel):
            inner = model.module
        else:
            # By the attribute: importing the class of torch.compile takes a second.
            inner = getattr(model, "_orig_mod", None)
    return model
