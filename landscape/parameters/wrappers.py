"""Wrappers around a model, which change its parameters' names and not its function, and shards, which do more."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from torch import Tensor, nn
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


def sharded(model: object, parameters: Iterable[Tensor]) -> str:
    """Return the class by which FSDP or tensor parallelism shares a model out among processes; empty if none does."""
    # Whoever uses one of these has imported its module, which takes a second.
    places = (("torch.distributed.fsdp", "FSDPModule"), ("torch.distributed.fsdp", "FullyShardedDataParallel"))
    # After a pass, fully_shard leaves some parameters whole: the modules have to be asked as well.
    kinds = tuple(getattr(sys.modules[module], name) for module, name in places if module in sys.modules)
    parts = model.modules() if isinstance(model, nn.Module) else ()
    found = [kind.__name__ for part in parts for kind in kinds if isinstance(part, kind)]
    if "torch.distributed.tensor" in sys.modules:
        DTensor = sys.modules["torch.distributed.tensor"].DTensor
        found += [DTensor.__name__ for parameter in parameters if isinstance(parameter, DTensor)]
    return found[0] if found else ""


def refuse_sharded(model: object, parameters: Iterable[Tensor]) -> None:
    """Refuse a model that computes with its own shards.

    Raises:
        ValueError: FSDP or tensor parallelism shares it out among processes.
    """
    if kind := sharded(model, parameters):
        raise ValueError(
            f"the model is sharded over processes ({kind}): it computes with its own shards, whatever parameters it is "
            "given; pass one of fully_shard to landscape.ShardedObjective, or load its whole weights "
            "(get_model_state_dict, full_state_dict=True) into a model that is not sharded, and share out batches by "
            "process_group"
        )
