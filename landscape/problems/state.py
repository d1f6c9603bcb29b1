"""Weights from elsewhere put into a model; what does not fit is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from landscape.results.display.printable import printable

NESTED = ("state_dict", "model_state_dict", "model", "module", "weights")  # under which training programs keep weights
WRAPPERS = ("module", "_orig_mod")  # of DistributedDataParallel and torch.compile, in the names of what they wrap
SHOWN = 3  # names in an error


def state_of(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors by name in what a file of weights holds: the state dict itself, or one below a usual key.

    Raises:
        ValueError: There are none, or other values among them.
    """
    for key in NESTED:
        if isinstance(content.get(key), Mapping):
            return state_of(content[key])
    state = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    others = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    if not state or others:
        what = f"beside tensors it holds {_listed(others)}" if state else f"it holds no tensors, but {_listed(others)}"
        raise ValueError(f"{what}; save model.state_dict(), alone or under the key state_dict")
    return state


def load_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Put weights into a model.

    Names may have what DistributedDataParallel, torch.compile or one module around the model add to them. Of tied
    tensors one is enough.

    Raises:
        ValueError: A name is missing or unknown, or a tensor has another shape, another kind of numbers, or numbers
            that are not finite; the model is as it was.
    """
    own = model.state_dict(keep_vars=True)
    own = {name: tensor for name, tensor in own.items() if isinstance(tensor, Tensor)}
    fitted = _renamed(state, own)
    _fill_tied(fitted, own)
    missing, unexpected = own.keys() - fitted.keys(), fitted.keys() - own.keys()
    if missing or unexpected:
        parts = {"they lack": missing, "they also have": unexpected}
        differences = "; ".join(f"{what} {_listed(sorted(names))}" for what, names in parts.items() if names)
        raise ValueError(f"these are the weights of another model: {differences}")
    for name, tensor in fitted.items():
        _check(name, tensor, own[name])
    model.load_state_dict(fitted, strict=False)


def _renamed(state: Mapping[str, Tensor], own: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors under the model's names: of the known ways to name them, the one that fits most."""
    candidates: list[Callable[[str], str]] = [str, _bare]
    first = {_bare(name).split(".")[0] for name in state}
    if len(first) == 1:  # one module around all: the attribute of a trainer's class, for example
        around = f"{first.pop()}."
        candidates.append(lambda name: _bare(name).removeprefix(around))
    names = {_bare(name): name for name in own}
    found = []
    for rename in candidates:
        renamed = [rename(name) for name in state]
        found.append({names.get(new, new) if rename is not str else new: tensor
                      for new, tensor in zip(renamed, state.values(), strict=True)})  # fmt: skip
    return max(found, key=lambda each: len(each.keys() & own.keys()))


def _bare(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def _fill_tied(state: dict[str, Tensor], own: Mapping[str, Tensor]) -> None:
    """Add what the model has under several names and the weights under one of them."""
    groups: dict[int, list[str]] = {}
    for name, tensor in own.items():
        groups.setdefault(id(tensor), []).append(name)
    for names in groups.values():
        there = [name for name in names if name in state]
        if any(not torch.equal(state[name], state[there[0]]) for name in there[1:]):
            raise ValueError(f"{' and '.join(there)} are one tensor in the model, and differ in the weights")
        if there:
            state |= dict.fromkeys(names, state[there[0]])


def _check(name: str, tensor: Tensor, own: Tensor) -> None:
    if tensor.shape != own.shape:
        raise ValueError(
            f"{printable(name, 80)} has the shape {tuple(tensor.shape)}, where the model's has {tuple(own.shape)}"
        )
    if tensor.layout != torch.strided or (tensor.is_floating_point(), tensor.is_complex()) != (
        own.is_floating_point(),
        own.is_complex(),
    ):
        raise ValueError(f"{printable(name, 80)} holds {tensor.dtype}, where the model's holds {own.dtype}")
    if isinstance(own, nn.Parameter) and not tensor.isfinite().all():
        raise ValueError(f"{printable(name, 80)} is not finite: the training diverged")


def _listed(names: Iterable[str]) -> str:
    names = [printable(name, 80) for name in names]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more or "nothing"
