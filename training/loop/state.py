"""What ``last.pt`` holds, checked field by field before a run continues from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from landscape.training.checkpoints.schema import (
    MEASURED,
    anything,
    choice,
    each,
    maybe,
    number,
    record,
    rows,
    rule,
    shown,
    whole,
)
from landscape.training.checkpoints.weights import WEIGHTS, Shape
from landscape.training.config.methods import PRETRAINED, TRAINED
from landscape.training.loop.history import ROW
from landscape.training.optim.perturbations import VARIANTS
from landscape.training.optim.sam import SAM

FORMAT = 2
MOST = 1 << 20  # bytes of the state of a generator of random numbers; those of torch have 16 and 5,056
RANDOM = rule(
    lambda value: (
        type(value) is Tensor
        and value.dtype == torch.uint8
        and value.layout == torch.strided
        and value.dim() == 1
        and value.numel() <= min(MOST, value.untyped_storage().nbytes())
    ),
    "the state of a random generator",
)
STATE = record(
    {
        "format": whole(FORMAT, FORMAT),
        "stage": choice((PRETRAINED, TRAINED)),
        "weights": each(WEIGHTS),
        "optimiser": each(anything),  # ``check_optimiser`` knows more
        "random": RANDOM,
        "random_cuda": maybe(RANDOM),
        "done": whole(1),
        "best": MEASURED,
        "best_epoch": whole(),
        "history": rows(ROW),
    },
    others=anything,
)
MOMENTS = record({"step": WEIGHTS, "exp_avg": WEIGHTS, "exp_avg_sq": WEIGHTS})
GROUP = record(dict.fromkeys(("params", "lr", "betas", "eps", "weight_decay"), anything), others=anything)
ADAM = record({"state": rule(lambda value: isinstance(value, dict), "a dictionary"), "param_groups": rows(GROUP)})
SAM_STATE = record(
    {
        "base": ADAM,
        "variant": choice(VARIANTS),
        "rho": number(least=0),
        "every": whole(1),
        "alpha": number(least=0),
        "eta": number(least=0),
        "same_dropout": rule(lambda value: type(value) is bool, "true or false"),
        "steps": whole(),
        "skipped": whole(),
        "across": rows(maybe(WEIGHTS)),
    }
)
SCHEDULED = ("lr", "rho")  # options that are set before each step


def check_optimiser(stored: Any, own: torch.optim.Optimizer) -> None:
    """Check that a stored state is one of an optimiser with the options and the parameters of ``own``.

    Raises:
        ValueError: It is not.
    """
    name = "optimiser"
    if not isinstance(own, SAM):
        ADAM(stored, name)
        _check_adam(stored, own, name)
        return
    SAM_STATE(stored, name)
    _check_adam(stored["base"], own.base, f"{name}.base")
    mine = own.state_dict()
    _check_options(
        stored, {option: mine[option] for option in ("variant", "every", "alpha", "eta", "same_dropout")}, name
    )
    if len(stored["across"]) != len(mine["across"]):
        raise ValueError(f"{name}.across has {len(stored['across'])} entries instead of {len(mine['across'])}")
    for index, (tensor, shape) in enumerate(zip(stored["across"], _shapes(own), strict=True)):
        if tensor is not None:
            _check_tensor(tensor, shape, f"{name}.across[{index}]")


def _check_adam(stored: Mapping[str, Any], own: torch.optim.Optimizer, name: str) -> None:
    groups, shapes = own.state_dict()["param_groups"], _shapes(own)
    if len(stored["param_groups"]) != len(groups):
        raise ValueError(f"{name} has {len(stored['param_groups'])} groups of parameters instead of {len(groups)}")
    for theirs, mine in zip(stored["param_groups"], groups, strict=True):
        _check_options(theirs, mine, f"{name}.param_groups")
    for key, moments in stored["state"].items():
        if type(key) is not int or not 0 <= key < len(shapes):
            raise ValueError(f"{name}.state has the parameter {shown(key)}, and there are {len(shapes)}")
        inside = f"{name}.state[{key}]"
        MOMENTS(moments, inside)
        for moment, shape in (("step", ()), ("exp_avg", shapes[key]), ("exp_avg_sq", shapes[key])):
            _check_tensor(moments[moment], shape, f"{inside}.{moment}")
        if not (moments["exp_avg_sq"] >= 0).all() or not moments["step"] >= 1:
            raise ValueError(f"{inside} has a negative square or number of steps")


def _check_options(stored: Mapping[str, Any], own: Mapping[str, Any], name: str) -> None:
    """Check that options have the values of this run; versions of torch differ in which there are."""
    for option, value in own.items():
        if option in SCHEDULED:
            number(least=0)(stored.get(option), f"{name}.{option}")
        elif option in stored and not _equal(stored[option], value):
            raise ValueError(f"{name}.{option} is {shown(stored[option])} instead of {value}")


def _equal(stored: Any, own: Any) -> bool:
    if isinstance(own, (list, tuple)):
        return type(stored) is type(own) and len(stored) == len(own) and all(map(_equal, stored, own))
    return type(stored) is type(own) and bool(stored == own)


def _check_tensor(tensor: Tensor, shape: Shape, name: str) -> None:
    if tuple(tensor.shape) != shape:
        raise ValueError(f"{name} has the shape {tuple(tensor.shape)} instead of {shape}")
    if not tensor.isfinite().all():
        raise ValueError(f"{name} is not finite")


def _shapes(optimiser: torch.optim.Optimizer) -> Sequence[Shape]:
    return [tuple(parameter.shape) for group in optimiser.param_groups for parameter in group["params"]]
